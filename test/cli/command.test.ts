import { expect, test } from 'vitest';
import { migrations } from '../../src/adapters/postgres/migrations.js';
import { tidemark } from './surroundings.js';

test('migrate --print prints every migration in a transaction of its own, and nothing else', async () => {
  const { stdout, stderr, exitCode } = await tidemark(['migrate', '--print']);
  expect([stderr, exitCode]).toEqual(['', 0]);
  const parts = stdout.split(/^(?=-- tidemark, migration)/m);
  expect(parts).toHaveLength(migrations().length);
  for (const [i, { version, sql }] of migrations().entries()) {
    expect(parts[i]).toMatch(new RegExp(`^-- tidemark, migration ${String(version)}: .*\nbegin;\n`));
    expect(parts[i]).toContain(sql);
    expect(parts[i]?.trim().endsWith('commit;')).toBe(true);
  }
});

test('migrate --print --schema puts all of it there', async () => {
  const { stdout } = await tidemark(['migrate', '--print', '--schema', 'Other_1']);
  expect(stdout).toContain('create schema if not exists "Other_1";');
  expect(stdout).not.toContain('"tidemark"');
});

const USAGE: Readonly<Record<string, string>> = {
  migrate: 'Usage: tidemark migrate --print [--schema <name>]',
  doctor: 'Usage: tidemark doctor [options]',
  explain: 'Usage: tidemark explain <type> <id> --app <module>',
};

test.each<[string[], string]>([
  [[], 'expected a command.'],
  [['doctor', '--force'], "Unknown option '--force'"],
  [['doctor', 'now'], "Unexpected argument 'now'"],
  [['explain', '--force'], "Unknown option '--force'"],
  [['dr'], "there is no command 'dr'."],
  [['constructor'], "there is no command 'constructor'."],
  [['migrate'], 'migrate: expected --print; nothing is run by itself.'],
  [['migrate', '--print', '--force'], "Unknown option '--force'"],
  [['migrate', '--print', 'now'], "Unexpected argument 'now'"],
  [['migrate', '--print', '--schema'], "Option '--schema <value>' argument missing"],
  [['migrate', '--print', '--schema', 'a"; drop table x; --'], 'schema: expected a name of letters'],
])('%j is refused, with what there is', async (args, said) => {
  const { stdout, stderr, exitCode } = await tidemark(args);
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toContain(said);
  expect(stderr).toContain(
    Object.hasOwn(USAGE, args[0] ?? '') ? (USAGE[args[0] as string] as string) : 'Usage: tidemark <command>',
  );
});

test('help is no mistake', async () => {
  const { stdout, stderr, exitCode } = await tidemark(['--help']);
  expect([stderr, exitCode]).toEqual(['', 0]);
  expect(stdout).toContain('  migrate --print');
});

test.each(Object.entries(USAGE))('%s --help says what each option is, on the standard output', async (name, usage) => {
  const { stdout, stderr, exitCode } = await tidemark([name, '--help']);
  expect([stderr, exitCode]).toEqual(['', 0]);
  expect(stdout.startsWith(usage)).toBe(true);
  expect(stdout).toMatch(/^ {2}--\w+/m);
});
