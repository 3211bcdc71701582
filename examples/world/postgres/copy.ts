import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from } from 'pg-copy-streams';
import { TYPES } from '../data/kinds.ts';
import type { TableReads } from '../data/tables.ts';
import { BRANCHES, type TypeName } from '../model.ts';
import { fieldsOf, relation } from './layout.ts';

/** Rows of tables in memory into tables in Postgres, by COPY. */

const CHUNK_CHARACTERS = 64 * 1024;

/** Copies what each branch has of its own. `progress` is told the share of the rows that was handed over, from 0 to 1. */
export async function copyRows(
  client: ClientBase,
  schema: string,
  tables: TableReads,
  progress: (share: number) => void,
): Promise<void> {
  const parts = TYPES.flatMap((type) =>
    Object.keys(BRANCHES).map((branch) => ({ type, branch, rows: tables.overrides(type, branch) })),
  );
  const all = parts.reduce((sum, { rows }) => sum + rows.length, 0);
  let copied = 0;
  progress(0);
  for (const { type, branch, rows } of parts) {
    const columns = ['branch', ...fieldsOf(type).map(({ column }) => column)].join(', ');
    const lines = linesOf(type, branch, rows, (count) => {
      copied += count;
      progress(copied / all);
    });
    await pipeline(Readable.from(lines), client.query(from(`copy ${relation(schema, type)} (${columns}) from stdin`)));
  }
}

/** COPY's text format, in chunks; `passed` is told how many rows each took once the next one is asked for. */
function* linesOf(
  type: TypeName,
  branch: string,
  rows: readonly object[],
  passed: (rows: number) => void,
): Generator<string> {
  const fields = fieldsOf(type).map(({ field }) => field);
  let chunk = '';
  let count = 0;
  for (const row of rows as readonly Readonly<Record<string, unknown>>[]) {
    chunk += `${[branch, ...fields.map((field) => row[field])].map(copyText).join('\t')}\n`;
    count++;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    passed(count);
    [chunk, count] = ['', 0];
  }
  if (chunk === '') return;
  yield chunk;
  passed(count);
}

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A text, number, boolean or JSON in COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html */
function copyText(value: unknown): string {
  if (value === undefined || value === null) return '\\N';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/[\\\t\n\r]/g, (character) => ESCAPED[character] ?? character);
}
