import type { Clock } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { AuthenticateFrame, ClientFrame, FrameTarget, PlainId, PlainValue, SubscribeFrame } from './frames.js';

const MAX_KEY_CHARS = 256;
const MINUTE_MS = 60_000;

/** What a client sent, checked. Throws INVALID_FRAME. */
export function parseClientFrame(frame: unknown): ClientFrame {
  const { kind, key, target, branch, since, overflow, token, value } = objectOf(frame, 'frame');
  switch (kind) {
    case 'subscribe':
      return {
        kind,
        key: keyOf(key),
        target: targetOf(target),
        ...optional('branch', branch),
        ...optional('since', since),
        ...(optional('overflow', overflow) as Pick<SubscribeFrame, 'overflow'>),
      };
    case 'unsubscribe':
      return { kind, key: keyOf(key) };
    case 'authenticate':
      return { kind, token: token as AuthenticateFrame['token'] };
    case 'signal':
      if (value === undefined) throw malformed('value', 'one', value);
      return { kind, key: keyOf(key), value: value as PlainValue };
    default:
      throw malformed('kind', "'subscribe', 'unsubscribe', 'authenticate' or 'signal'", kind);
  }
}

/** The key of the subscription that a frame is to change, for the answer; null if there is none. */
export function keyIn(frame: unknown): string | null {
  if (typeof frame !== 'object' || frame === null) return null;
  const { kind, key } = frame as { readonly kind?: unknown; readonly key?: unknown };
  // Whoever may say nothing in a subscription has it all the same.
  if (kind === 'signal') return null;
  return typeof key === 'string' ? key.slice(0, MAX_KEY_CHARS) : null;
}

function targetOf(given: unknown): FrameTarget {
  const { type, id, parent, room } = objectOf(given, 'target');
  if (typeof room === 'string') return { room };
  if (typeof type !== 'string') throw malformed('target', "an object with 'type' or 'room'", type);
  if (parent !== undefined) {
    const [[link, of] = [], ...more] = Object.entries(objectOf(parent, 'target.parent'));
    if (link === undefined || more.length > 0)
      throw malformed('target.parent', 'one parent: its type and its id', parent);
    return { type, parent: { [link]: idOf(of, `target.parent.${link}`) } };
  }
  return id === undefined ? { type } : { type, id: idOf(id, 'target.id') };
}

function idOf(id: unknown, where: string): PlainId {
  if (typeof id === 'string' || typeof id === 'number') return id;
  const { $bigint } = objectOf(id, where);
  if (typeof $bigint === 'string' && /^-?[0-9]{1,40}$/.test($bigint)) return { $bigint };
  throw malformed(where, "a string, a number or { $bigint: '…' }", id);
}

function keyOf(key: unknown): string {
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_CHARS) return key;
  throw malformed('key', `a text of 1 to ${String(MAX_KEY_CHARS)} characters`, key);
}

function optional<Name extends string>(name: Name, value: unknown): { readonly [N in Name]?: string } {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') throw malformed(name, 'a text', value);
  return { [name]: value } as { readonly [N in Name]?: string };
}

function objectOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(where, 'an object', value);
}

function malformed(where: string, expected: string, got: unknown): TidemarkError {
  const what = typeof got === 'string' ? `'${got.slice(0, 40)}'` : got === null ? 'null' : typeof got;
  return new TidemarkError('INVALID_FRAME', `${where}: expected ${expected}, got ${what}.`);
}

/** How many a client may send: so many at once, and so many in a minute. */
export class Allowance {
  readonly #perMinute: number;
  readonly #clock: Clock;
  #left: number;
  #at: number;

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
    this.#left = perMinute;
    this.#at = clock.now();
  }

  /** Takes one; false if there is none left. */
  take(): boolean {
    const now = this.#clock.now();
    this.#left = Math.min(this.#perMinute, this.#left + ((now - this.#at) * this.#perMinute) / MINUTE_MS);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
