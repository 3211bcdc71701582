import type { IdType } from './tables.js';

/** How ids of the model are written for a column, and read from it. */
export interface IdForm {
  /** Of one id in SQL. */
  readonly sqlType: string;
  /** Undefined for an id that no row of the column can have, so that the database need not be asked. */
  write(id: unknown): string | undefined;
  /** Of an id as PostgreSQL writes it. */
  read(text: string): string | number | bigint;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** As PostgreSQL writes it: '007' would come back as another id. */
const INTEGER = /^(0|-?[1-9]\d*)$/;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

const INTEGERS: readonly string[] = ['int2', 'int4', 'int8'];

/** Undefined where ids of this type cannot be in a column of that one. */
export function idForm(
  column: { readonly typeName: string; readonly category: string },
  type: IdType,
): IdForm | undefined {
  const isNumber = type === 'number' || type === 'bigint';
  if (INTEGERS.includes(column.typeName)) return { sqlType: 'bigint', write: writeInteger, read: READ[type] };
  if (column.typeName === 'numeric') return { sqlType: 'numeric', write: writeNumeric, read: READ[type] };
  if (column.typeName === 'uuid' && !isNumber) return { sqlType: 'uuid', write: writeUuid, read: READ[type] };
  if (column.category === 'S' && !isNumber) return { sqlType: 'text', write: writeText, read: READ[type] };
  return undefined;
}

const same = (text: string): string => text;
const READ: Readonly<Record<IdType, IdForm['read']>> = { text: same, uuid: same, number: readNumber, bigint: BigInt };

/** A whole number beyond 2^53 as a bigint: as a number it would be another one. */
export function readNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) || !INTEGER.test(text) ? number : BigInt(text);
}

function writeInteger(id: unknown): string | undefined {
  const text = String(id);
  if (typeof id === 'number' && Number.isInteger(id)) return writeInteger(BigInt(id));
  if (!INTEGER.test(text) || text.length > 20) return undefined;
  const value = BigInt(text);
  return value >= LEAST && value <= MOST ? text : undefined;
}

function writeNumeric(id: unknown): string | undefined {
  const text = typeof id === 'number' && Number.isInteger(id) ? String(BigInt(id)) : String(id);
  return INTEGER.test(text) && text.length < 1_000 ? text : undefined;
}

const writeUuid = (id: unknown): string | undefined => (UUID.test(String(id)) ? String(id) : undefined);

/** PostgreSQL holds no NUL in a text, and a lone surrogate would become another character on the way. */
function writeText(id: unknown): string | undefined {
  const text = String(id);
  return /\0|\p{Surrogate}/u.test(text) ? undefined : text;
}
