import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ClientBase } from 'pg';
import { from } from 'pg-copy-streams';
import { TYPES } from '../data/kinds.ts';
import type { TableReads } from '../data/tables.ts';
import type { TypeName } from '../model.ts';
import { fieldsOf, relation } from './layout.ts';

/** Rows of tables in memory into tables in Postgres, by COPY. */

const CHUNK_CHARACTERS = 64 * 1024;

export interface CopyOptions {
  readonly schema: string;
  readonly branches: readonly string[];
  /** Told the share of the rows that was handed over, from 0 to 1. */
  readonly progress: (share: number) => void;
}

/** Copies what each branch has of its own. */
export async function copyRows(
  client: ClientBase,
  tables: TableReads,
  { schema, branches, progress }: CopyOptions,
): Promise<void> {
  const rowsOf = (type: TypeName) => branches.map((branch) => ({ branch, rows: tables.overrides(type, branch) }));
  const all = TYPES.flatMap(rowsOf).reduce((sum, { rows }) => sum + rows.length, 0);
  let copied = 0;
  progress(0);
  for (const type of TYPES) {
    const columns = ['branch', ...fieldsOf(type).map(({ column }) => column)].join(', ');
    const into = client.query(from(`copy ${relation(schema, type)} (${columns}) from stdin`));
    const lines = linesOf(type, rowsOf(type), (rows) => {
      copied += rows;
      progress(copied / all);
    });
    await pipeline(Readable.from(lines), into);
  }
}

interface Part {
  readonly branch: string;
  readonly rows: readonly object[];
}

/** COPY's text format, in chunks; `passed` is told how many rows each took once the next one is asked for. */
function* linesOf(type: TypeName, parts: readonly Part[], passed: (rows: number) => void): Generator<string> {
  const fields = fieldsOf(type).map(({ field }) => field);
  let chunk = '';
  let rows = 0;
  for (const part of parts) {
    for (const row of part.rows as readonly Readonly<Record<string, unknown>>[]) {
      chunk += `${[part.branch, ...fields.map((field) => row[field])].map(copyText).join('\t')}\n`;
      rows++;
      if (chunk.length < CHUNK_CHARACTERS) continue;
      yield chunk;
      passed(rows);
      [chunk, rows] = ['', 0];
    }
  }
  if (chunk !== '') yield chunk;
  passed(rows);
}

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** A text, number, boolean or JSON in COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html */
export function copyText(value: unknown): string {
  if (value === undefined || value === null) return '\\N';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replace(/[\\\t\n\r]/g, (character) => ESCAPED[character] ?? character);
}
