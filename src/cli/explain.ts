import { parseArgs } from 'node:util';
import type { Explanation } from '../api.js';
import type { AnyModel, EntityOptions, Id } from '../model.js';
import { exported, loadModule } from './host-module.js';
import type { Command } from './surroundings.js';

const OPTIONS = {
  app: { type: 'string' },
  branch: { type: 'string' },
  op: { type: 'string' },
  set: { type: 'string' },
  json: { type: 'boolean' },
} as const;
const OPS = ['create', 'update', 'delete', 'restore'];

/** What is asked of the host's tide, whatever its model is. */
interface HostTide {
  readonly model: AnyModel;
  get(type: string, id: Id, call: object): Promise<object | null>;
  explain(change: object): Explanation;
  close(): Promise<void>;
}

export const explain: Command = {
  usage: 'explain <type> <id> --app <module> [options]   says what a change of an entity would touch; changes nothing',
  help: `  --app <module>    a module of yours that exports \`tide\`, or a function of that name that makes it
  --branch <name>   where the model has branches
  --op <op>         ${OPS.join(', ')}; default update
  --set <json>      what the change sets, as fields of the row: '{"kingdomId": "k2"}' is a move
  --json            for programs

The row is read through the origin as it is now. What is listed holds whatever is cached: every subject whose mark the
change would write. Entries and subscribers of running replicas are known to those alone: tide.explain(), there.`,
  run: async (args, { cwd }) => {
    const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
    const [type, text, ...more] = positionals;
    if (type === undefined || text === undefined || more.length > 0) {
      throw new Error(
        `explain: expected a type and an id, got ${positionals.map((one) => `'${one}'`).join(', ') || 'neither'}.`,
      );
    }
    const { app, branch, op = 'update', set } = values;
    if (app === undefined) throw new Error('explain: expected --app <module>.');
    if (!OPS.includes(op)) throw new Error(`--op: expected ${OPS.join(', ')}, got '${op}'.`);
    const changed = set === undefined ? {} : fieldsOf(set);
    const tide = await tideIn(cwd, app);
    try {
      const id = idOf(tide.model, type, text);
      const where = branch === undefined ? {} : { branch };
      const row = await tide.get(type, id, where);
      const [before, after] = [
        op === 'create' ? null : row,
        op === 'delete' || row === null ? null : { ...row, ...changed },
      ];
      const images = row === null ? {} : { before, after };
      const explained = tide.explain({ type, id, op, ...where, ...images });
      const found = { type, id: text, op, branch: branch ?? null, isFound: row !== null, subjects: explained.subjects };
      if (values.json === true) {
        return {
          stdout: `${JSON.stringify({ format: 1, ...found, advice: explained.advice }, null, 2)}\n`,
          exitCode: 0,
        };
      }
      return { stdout: printed(found, explained), exitCode: 0 };
    } finally {
      await tide.close();
    }
  },
};

interface Found {
  readonly type: string;
  readonly id: string;
  readonly op: string;
  readonly isFound: boolean;
}

function printed({ type, id, op, isFound }: Found, { subjects, advice }: Explanation): string {
  const widest = Math.max(...subjects.map(({ subject }) => subject.length));
  const lines = [
    `${op} of ${type} ${id}: ${String(subjects.length)} subjects, and whatever was computed from them.`,
    ...(isFound ? [] : ['The origin has no such row: what it would be listed under is not known.']),
    ...subjects.map(({ subject, why }) => `  ${subject.padEnd(widest)}  ${why}`),
    ...advice.map((sentence) => `  ! ${sentence}`),
  ];
  return `${lines.join('\n')}\n`;
}

function fieldsOf(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error(`--set: expected a JSON object of fields, got '${text}'.`);
}

async function tideIn(cwd: string, path: string): Promise<HostTide> {
  const tide = await exported(await loadModule(cwd, path), 'tide');
  if (typeof (tide as HostTide | null | undefined)?.explain === 'function') return tide as HostTide;
  throw new Error(
    `--app: expected ${path} to export \`tide\`, made with createTidemark(), or a function that makes it.`,
  );
}

function idOf({ entities }: AnyModel, type: string, text: string): Id {
  if (!Object.hasOwn(entities, type)) {
    throw new Error(`explain: expected one of the types ${Object.keys(entities).join(', ')}, got '${type}'.`);
  }
  const { parseId } = (entities[type] as { readonly options: EntityOptions<object> }).options;
  return parseId === undefined ? text : parseId(text);
}
