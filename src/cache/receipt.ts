import type { After, Receipt } from '../call.js';
import type { Bump } from '../contract.js';
import { TidemarkError } from '../errors.js';

export type ReceiptMarks = Receipt['marks'];

/**
 * `1.<change id>.<partition>.<epoch>.<position>…`: letters, digits, '.', '-' and '_' only, fit for a header or cookie. An
 * epoch is whatever text its marks made it: any other character in it is `_<code unit in hex>_`.
 */
export function createReceipt(changeId: string, bumps: readonly Bump[]): Receipt {
  const marks: Record<number, { epoch: string; position: number }> = {};
  for (const { partition, epoch, position } of bumps) marks[partition] = { epoch, position };
  const text = ['1', changeId, ...bumps.flatMap((b) => [b.partition, escaped(b.epoch), b.position])].join('.');
  return Object.freeze({ state: 'done', changeId, marks: Object.freeze(marks), toString: () => text });
}

/** What no replica ever reaches. */
const NOWHERE: ReceiptMarks = Object.freeze({ [-1]: Object.freeze({ epoch: '', position: 0 }) });

/** `1.<change id>.queued`: where the change will stand is not known yet. */
export function queuedReceipt(changeId: string): Receipt {
  return Object.freeze({ state: 'queued', changeId, marks: {}, toString: () => `1.${changeId}.queued` });
}

/** What a read that names a receipt has to reach. Throws INVALID_RECEIPT for text that is none. */
export function marksOf(after: After | undefined): ReceiptMarks | null {
  if (after === undefined) return null;
  if (typeof after !== 'string') {
    const { state, marks }: { state?: unknown; marks?: unknown } = after ?? {};
    if (state === 'queued') return NOWHERE;
    if (typeof marks === 'object' && marks !== null && Object.values(marks).every(isPosition)) return after.marks;
    throw refused(after === null ? 'null' : typeof after);
  }
  const [version, changeId, ...rest] = after.split('.');
  if (version === '1' && rest.length === 1 && rest[0] === 'queued') return NOWHERE;
  const marks: Record<number, { epoch: string; position: number }> = {};
  let valid = version === '1' && changeId !== undefined && changeId !== '' && rest.length % 3 === 0;
  for (let i = 0; valid && i < rest.length; i += 3) {
    const [partition, epoch, position] = rest.slice(i, i + 3) as [string, string, string];
    valid = /^\d{1,5}$/.test(partition) && ESCAPED.test(epoch) && /^\d{1,15}$/.test(position);
    marks[Number(partition)] = { epoch: unescaped(epoch), position: Number(position) };
  }
  if (!valid) throw refused(JSON.stringify(after.slice(0, 80)));
  return marks;
}

const ESCAPED = /^(?:[A-Za-z0-9-]|_[0-9a-f]{1,4}_)+$/;
const escaped = (epoch: string): string =>
  epoch.replace(/[^A-Za-z0-9-]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`);
const unescaped = (epoch: string): string =>
  epoch.replace(/_([0-9a-f]{1,4})_/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));

function isPosition(mark: unknown): boolean {
  const { epoch, position } = (mark ?? {}) as Record<string, unknown>;
  return typeof epoch === 'string' && typeof position === 'number';
}

function refused(got: string): TidemarkError {
  return new TidemarkError('INVALID_RECEIPT', `after: expected a receipt or its string, got ${got}.`);
}
