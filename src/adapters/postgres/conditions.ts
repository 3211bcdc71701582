import type { Parameters } from './statement.js';
import { type NamedTable, quoted, relationOf } from './tables.js';

/** What a row `t` has to be to be there at all. */

export function liveSql({ deletedAt, deleted }: NamedTable): readonly string[] {
  return [
    ...(deletedAt === undefined ? [] : [`t.${quoted(deletedAt)} is null`]),
    ...(deleted === undefined ? [] : [`t.${quoted(deleted)} is not true`]),
  ];
}

/** Of the rows with its id it is the one of the nearest branch, wherever the others are and deleted or not. */
export function branchSql(table: NamedTable, branches: readonly string[], given: Parameters): readonly string[] {
  if (table.branch === undefined) return [];
  const chain = given.add(branches, 'text[]');
  const branchOf = (row: string): string => `${row}.${quoted(table.branch as string)}::text`;
  const nearest = [
    `select ${branchOf('n')} from ${relationOf(table)} n`,
    `where n.${quoted(table.id)} = t.${quoted(table.id)} and ${branchOf('n')} = any(${chain})`,
    `order by array_position(${chain}, ${branchOf('n')}) limit 1`,
  ].join(' ');
  return [`${branchOf('t')} = any(${chain})`, `${branchOf('t')} = (${nearest})`];
}
