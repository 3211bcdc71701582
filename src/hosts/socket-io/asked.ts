import { TidemarkError } from '../../errors.js';
import { roomName } from '../../realtime/rooms.js';
import { escapePart } from '../../subject.js';

/** What a message of a client asks for, as frames have it: not checked yet. */
export interface Asked {
  readonly verb: 'subscribe' | 'unsubscribe' | 'authenticate' | 'signal';
  readonly frame: {
    readonly kind: Asked['verb'];
    readonly key?: string | undefined;
    readonly [field: string]: unknown;
  };
}

/**
 * `subscribe_<type>` and `unsubscribe_<type>` with an id, or an object that has it as `id` or `<type>Id`; `subscribe` and
 * `unsubscribe` with an object that names a `room` or a `target`; `authenticate` with a token; `signal` with a room and a value. Null for
 * what is not meant for this library. A subscription is known by its room or its target, and behind a `:` its branch. Throws
 * BLANK_ID.
 */
export function askedBy(event: string, args: readonly unknown[], isType: (type: string) => boolean): Asked | null {
  const [first, second] = args;
  if (event === 'authenticate') return { verb: event, frame: { kind: event, token: first } };
  if (event === 'signal') return { verb: event, frame: { kind: event, key: textOf(first), value: second } };
  const [, verb, type] = /^(subscribe|unsubscribe)(?:_(.+))?$/.exec(event) ?? [];
  if (verb !== 'subscribe' && verb !== 'unsubscribe') return null;
  if (type === undefined) return asIs(verb, first);
  if (!isType(type)) return null;
  const options = optionsOf(first) ?? optionsOf(second) ?? {};
  const id = optionsOf(first) === undefined ? first : (options['id'] ?? options[`${type}Id`]);
  if (typeof id !== 'string' && typeof id !== 'number')
    throw new TidemarkError('BLANK_ID', `${event}: expected an id, got ${id === null ? 'null' : typeof id}.`);
  const room = roomName(type, id);
  return { verb, frame: framed(verb, keyOf(room, options), { room }, options) };
}

function asIs(verb: 'subscribe' | 'unsubscribe', asked: unknown): Asked | null {
  const options = optionsOf(asked);
  const { room, target } = options ?? {};
  if (options === undefined || (room === undefined && target === undefined)) return null;
  const about = target ?? { room };
  const key = textOf(options['key']) ?? keyOf(textOf(room) ?? JSON.stringify(about), options);
  return { verb, frame: framed(verb, key, about, options) };
}

const keyOf = (about: string, { branch }: Readonly<Record<string, unknown>>): string =>
  typeof branch === 'string' ? `${about}:${escapePart(branch)}` : about;

function framed(
  verb: 'subscribe' | 'unsubscribe',
  key: string,
  target: unknown,
  { branch, since, overflow }: Readonly<Record<string, unknown>>,
): Asked['frame'] {
  return verb === 'unsubscribe' ? { kind: verb, key } : { kind: verb, key, target, branch, since, overflow };
}

const optionsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
