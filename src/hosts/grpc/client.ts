import * as grpc from '@grpc/grpc-js';
import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { addressOf } from './address.js';
import type { BreakerState, RemoteRulesMetrics } from '../../metrics.js';
import type { RulesCall, RulesEngine, RulesMethod } from './engine.js';
import type { MethodName, Methods } from './messages.js';
import { questions } from './questions.js';
import { type Reply, Target, requestOf } from './target.js';
import type { ValueOf } from './wire.js';

export interface RemoteRulesOptions {
  /** Servers, each as `'host:port'`, asked in turn; one that fails is followed by the next. Default: the one at `host` and `port`. */
  readonly addresses?: readonly string[] | undefined;
  /** Default localhost. */
  readonly host?: string | undefined;
  /** Default 50051. */
  readonly port?: number | undefined;
  /** False: nobody is asked, the fallback answers. Default true. */
  readonly enabled?: boolean | undefined;
  /** How long all servers together may take for one question; then the fallback answers. Default 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Of each server. */
  readonly breaker?:
    | {
        /** Failures in a row after which a server is not asked. Default 5. */
        readonly failures?: number | undefined;
        /** For how long; then one question is let through to see. Default 30,000. */
        readonly openMs?: number | undefined;
      }
    | undefined;
  /**
   * Answers where no server does: `localRules({ tide })`, or functions of your own for some of the methods. It is not
   * asked about a question that a server refused.
   */
  readonly fallback?: Partial<RulesEngine> | undefined;
  /** Default: no TLS. */
  readonly credentials?: grpc.ChannelCredentials | undefined;
  /** Default 1 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Told when the breaker of a server changes. */
  readonly onState?: ((event: RemoteRulesState) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface RemoteRulesState {
  readonly address: string;
  readonly state: BreakerState;
}

export interface RemoteRules extends RulesEngine {
  metrics(): RemoteRulesMetrics;
  /** Ends what is under way and the connections. Idempotent. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * A rules service elsewhere. Every question ends within `timeoutMs`, then at the fallback; without one it rejects with
 * RULES_UNAVAILABLE. What a server refuses (an unknown type, an invalid rule) rejects with its own code.
 *
 * @example
 * const rules = remoteRules({ ...configFromEnv().rules, fallback: localRules({ tide }) });
 * const { value } = await rules.evaluateCondition({ type: 'settlement', id: 's1', field: 'income' });
 */
export function remoteRules(options: RemoteRulesOptions = {}): RemoteRules {
  const { clock = systemClock, enabled = true, fallback, onState } = options;
  const timeoutMs = counted('timeoutMs', options.timeoutMs, 5000);
  const breaker = {
    failures: counted('breaker.failures', options.breaker?.failures, 5),
    openMs: counted('breaker.openMs', options.breaker?.openMs, 30_000),
    now: () => clock.now(),
  };
  const maxMessageBytes = counted('maxMessageBytes', options.maxMessageBytes, 1024 * 1024);
  const { credentials = grpc.credentials.createInsecure() } = options;
  const addresses = options.addresses ?? [addressOf(options.host ?? 'localhost', options.port ?? 50_051)];
  if (addresses.length === 0)
    throw new TidemarkError('INVALID_OPTION', 'addresses: expected at least one server, got none.');
  const told = (address: string, state: BreakerState): void => onState?.({ address, state });
  const targets = enabled
    ? addresses.map((address) => new Target({ address, credentials, maxMessageBytes, breaker, onState: told }))
    : [];
  const counts = { answered: 0, refused: 0, fallback: 0, unavailable: 0 };
  let turn = 0;
  let closed = false;

  /** Of the servers one after another, beginning with the next in turn. */
  async function replyTo<Name extends MethodName>(
    name: Name,
    request: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Exclude<Reply<Name>, null>> {
    const begin = turn++ % Math.max(1, targets.length);
    const left = [...targets.slice(begin), ...targets.slice(0, begin)];
    const end = clock.now() + timeoutMs;
    let failure = new Error(enabled ? 'every breaker is open' : 'it is not enabled');
    for (let target = left.shift(); target !== undefined; target = left.shift()) {
      const leftMs = end - clock.now();
      if (leftMs <= 0) break;
      // Those that may still be asked have a share of the time each.
      const others = left.filter(({ breaker: { admits } }) => admits).length;
      const reply = await target.ask(name, request, { limitMs: leftMs / (1 + others), signal });
      if (closed) throw closedError();
      if (reply === null) continue;
      if (!('failure' in reply)) return reply;
      failure = new Error(`${target.address}: ${reply.failure.message}`, { cause: reply.failure });
    }
    return { failure };
  }

  async function ask<Name extends MethodName>(
    name: Name,
    request: ValueOf<Methods[Name]['request']>,
    { call, method }: { readonly call: RulesCall; readonly method: RulesMethod },
  ): Promise<ValueOf<Methods[Name]['response']> | null> {
    if (closed) throw closedError();
    const bytes = requestOf(name, request);
    const reply = await replyTo(name, bytes, call.signal);
    if ('answer' in reply) {
      counts.answered++;
      return reply.answer;
    }
    if ('refusal' in reply) {
      counts.refused++;
      throw reply.refusal;
    }
    if (fallback?.[method] !== undefined) {
      counts.fallback++;
      return null;
    }
    counts.unavailable++;
    const said = `${method}: expected an answer from ${addresses.join(' or ')}, got ${reply.failure.message}`;
    throw new TidemarkError('RULES_UNAVAILABLE', `${said}; there is no fallback for it.`, { cause: reply.failure });
  }

  const close = (): void => {
    if (closed) return;
    closed = true;
    for (const target of targets) target.close();
  };
  return {
    ...questions(ask, fallback ?? {}),
    metrics: () => ({
      servers: targets.map(({ address, breaker: { state }, calls, failures }) => ({ address, state, calls, failures })),
      ...counts,
    }),
    close,
    [Symbol.dispose]: close,
  };
}

const closedError = (): TidemarkError => new TidemarkError('CLOSED', 'expected open remote rules; close() was called.');
