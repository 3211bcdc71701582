import type { Subject } from '../subject.js';
import type { Awaitable, SubjectKey } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { Id } from '../model.js';

/** What somebody wants to subscribe to. */
export interface RequestedSubject {
  readonly kind: Subject['kind'];
  readonly type: string | null;
  /** Of an entity, as the model has it. */
  readonly id?: Id | undefined;
  /** Of a list: whose children it is of. */
  readonly parent?: { readonly type: string; readonly id: Id } | undefined;
  readonly branch: string;
  readonly key: SubjectKey;
}

/** `true`, or yes until a time in milliseconds since 1970, when the question is put again. Anything else is no. */
export type Permission = boolean | { readonly until: number };

/**
 * Decides who may subscribe to what. Only `true` or a `until` in the future is a yes; an error is a no. The signal fires
 * when nobody waits for the answer any more.
 */
export type Authorize<Principal = unknown> = (
  principal: Principal,
  subject: RequestedSubject,
  signal: AbortSignal,
) => Awaitable<Permission>;

/** The question of one subscription. */
export type Guard = (signal: AbortSignal) => Awaitable<Permission>;

export interface Asking {
  /** What is subscribed to, for messages. */
  readonly name: string;
  readonly signal: AbortSignal;
  readonly wallNow: () => number;
  readonly onError: (error: Error, where: string) => void;
}

/** Until when a subscription may go on, in milliseconds since 1970. Rejects with UNAUTHORIZED and nothing else. */
export async function permittedUntil(guard: Guard, { name, signal, wallNow, onError }: Asking): Promise<number> {
  let answer: unknown;
  try {
    answer = await guard(signal);
  } catch (cause) {
    if (isTidemarkError(cause) && cause.code === 'UNAUTHORIZED') throw cause;
    const where = `authorize ${name}`;
    const message = `${where}: expected true or { until }, but the authorizer threw: ${messageOf(cause)}.`;
    const refusal = new TidemarkError('UNAUTHORIZED', message, { cause });
    onError(cause instanceof Error ? cause : refusal, where);
    throw refusal;
  }
  if (answer === true) return Infinity;
  const until = typeof answer === 'object' && answer !== null ? (answer as { until?: unknown }).until : undefined;
  // Not `<=`: NaN is a no too.
  if (typeof until === 'number' && until > wallNow()) return until;
  throw new TidemarkError('UNAUTHORIZED', `authorize ${name}: the principal may not subscribe to it.`);
}
