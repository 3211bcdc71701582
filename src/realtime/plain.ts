import type { ChangeItem, ComputedItem } from '../watching.js';
import type { PlainChange, PlainComputed, PlainId, PlainValue } from './frames.js';

/**
 * A value as JSON has it, as {@link PlainValue} says; what JSON leaves out is left out: functions, symbols, and undefined.
 * Instances of classes become plain objects.
 */
export function plain(value: unknown): PlainValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'bigint':
      return { $bigint: String(value) };
    case 'object':
      return value === null ? null : plainObject(value);
    default:
      return null;
  }
}

function plainObject(value: object): PlainValue {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? 'NaN' : value.toISOString() };
  if (value instanceof Map) return { $map: Array.from(value, ([key, of]) => [plain(key), plain(of)]) };
  if (value instanceof Set) return { $set: Array.from(value, plain) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
  const entries = Object.entries(value).filter(([, of]) => of !== undefined && typeof of !== 'function');
  const plained = entries.map(([name, of]): [string, PlainValue] => [name, plain(of)]);
  // Object.fromEntries would take `__proto__` for a field, but JSON.parse does so as well.
  return entries.some(([name]) => name.startsWith('$')) ? { $object: plained } : Object.fromEntries(plained);
}

export const plainId = (id: string | number | bigint): PlainId =>
  typeof id === 'bigint' ? { $bigint: String(id) } : id;

export function plainChange(item: ChangeItem): PlainChange {
  const { changeId, entityType, entityId, branch, op, changes, version, modifiedBy, modifiedAt } = item;
  return {
    ...{ changeId, entityType, branch, op, version, modifiedBy, modifiedAt },
    entityId: entityId === null ? null : plainId(entityId),
    changes: {
      fields: changes.fields,
      // Names of fields are not taken for marks: this object is never read as a value.
      values: Object.fromEntries(Object.entries(changes.values).map(([field, value]) => [field, plain(value)])),
    },
  };
}

export function plainComputed(item: ComputedItem): PlainComputed {
  const { entityType, entityId, branch, field, after } = item;
  return {
    ...{ entityType, branch, field },
    entityId: plainId(entityId),
    ...('before' in item ? { before: plain(item.before) } : {}),
    after: plain(after),
  };
}
