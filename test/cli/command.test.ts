import { expect, test } from 'vitest';
import { migrations } from '../../src/adapters/postgres/migrations.js';
import { runCommand } from '../../src/cli/command.js';

test('migrate --print prints every migration in a transaction of its own, and nothing else', () => {
  const { stdout, stderr, exitCode } = runCommand(['migrate', '--print']);
  expect([stderr, exitCode]).toEqual(['', 0]);
  const parts = stdout.split(/^(?=-- tidemark, migration)/m);
  expect(parts).toHaveLength(migrations().length);
  for (const [i, { version, sql }] of migrations().entries()) {
    expect(parts[i]).toMatch(new RegExp(`^-- tidemark, migration ${String(version)}: .*\nbegin;\n`));
    expect(parts[i]).toContain(sql);
    expect(parts[i]?.trim().endsWith('commit;')).toBe(true);
  }
});

test('migrate --print --schema puts all of it there', () => {
  const { stdout } = runCommand(['migrate', '--print', '--schema', 'Other_1']);
  expect(stdout).toContain('create schema if not exists "Other_1";');
  expect(stdout).not.toContain('"tidemark"');
});

test.each([
  [[], 'expected a command.'],
  [['doctor'], "there is no command 'doctor'."],
  [['constructor'], "there is no command 'constructor'."],
  [['migrate'], 'migrate: expected --print; nothing is run by itself.'],
  [['migrate', '--print', '--force'], "Unknown option '--force'"],
  [['migrate', '--print', 'now'], "Unexpected argument 'now'"],
  [['migrate', '--print', '--schema'], "Option '--schema <value>' argument missing"],
  [['migrate', '--print', '--schema', 'a"; drop table x; --'], 'schema: expected a name of letters'],
])('%j is refused, with what there is', (args, said) => {
  const { stdout, stderr, exitCode } = runCommand(args);
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toContain(said);
  expect(stderr).toContain('  migrate --print [--schema <name>]');
});

test('help is no mistake', () => {
  const { stdout, stderr, exitCode } = runCommand(['--help']);
  expect([stderr, exitCode]).toEqual(['', 0]);
  expect(stdout).toContain('  migrate --print');
});
