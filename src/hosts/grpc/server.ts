import * as grpc from '@grpc/grpc-js';
import { systemClock } from '../../clock.js';
import { TidemarkError, type TidemarkErrorCode, counted, messageOf } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { addressOf } from './address.js';
import { answersOf } from './answers.js';
import { HEALTH_DEFINITION, healthHandlers } from './health.js';
import { type LocalRulesOptions, localRules } from './local.js';
import { METHODS, METHOD_NAMES, type MethodName, SERVICE } from './messages.js';
import { Readiness } from './readiness.js';
import { CODE_KEY, statusOf } from './status.js';
import { type Message, type ValueOf, decode, encode } from './wire.js';

export interface ServeRulesOptions<M extends AnyModel, Principal = unknown> extends LocalRulesOptions<M, Principal> {
  /** Where it listens. Default 127.0.0.1: reached from this machine only. */
  readonly host?: string | undefined;
  /** 0: any that is free. Default 50051. */
  readonly port?: number | undefined;
  /** Default: no TLS. With `ServerCredentials.createSsl` and client certificates it answers whom it knows only. */
  readonly credentials?: grpc.ServerCredentials | undefined;
  /** A larger question is refused, a larger answer is not sent. Default 1 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Conditions in one question. Default 1,000. */
  readonly maxConditions?: number | undefined;
  /** Rejects if the origin cannot be reached, a `select 1` for one: then it is not ready. Default: only by what fails. */
  readonly probe?: (() => unknown) | undefined;
  /** How often health looks, and how long what it saw counts. Default 1,000. */
  readonly probeMs?: number | undefined;
  /** How long `close()` waits for answers under way. Default 10,000. */
  readonly drainMs?: number | undefined;
}

/** Counts since the start; plain numbers. */
export interface RulesServerMetrics {
  /** Questions by method, those that failed among them. */
  readonly calls: Readonly<Record<MethodName, number>>;
  /** Failures by code; `'INTERNAL'`: of what is no error of this library. */
  readonly failures: Readonly<Record<string, number>>;
  /** Milliseconds spent on answers, together. */
  readonly busyMs: number;
  /** Being answered now. */
  readonly running: number;
  /** 1 if health said so when it looked last. */
  readonly ready: number;
}

export interface RulesServer {
  readonly port: number;
  metrics(): RulesServerMetrics;
  /**
   * Says that it is not ready, takes no more questions, waits for the answers under way, and after `drainMs` ends what is
   * left. Closes no tide. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Serves the rules of a tide over gRPC, as {@link RULES_PROTO} says, with `grpc.health.v1`. Any number of replicas may: what
 * is changed on one is seen by all, at once where a question carries the receipt as `after`. Rejects with RULES_UNAVAILABLE if
 * it cannot listen.
 *
 * @example
 * const server = await serveRules({ tide, rules, host: '0.0.0.0', port: 50051 });
 * process.once('SIGTERM', () => void server.close().then(() => tide.close()));
 */
export async function serveRules<M extends AnyModel, Principal = unknown>(
  options: ServeRulesOptions<M, Principal>,
): Promise<RulesServer> {
  const { tide, host = '127.0.0.1', port = 50_051, clock = systemClock, probe } = options;
  const maxMessageBytes = counted('maxMessageBytes', options.maxMessageBytes, 1024 * 1024);
  const maxConditions = counted('maxConditions', options.maxConditions, 1000);
  const probeMs = counted('probeMs', options.probeMs, 1000);
  const drainMs = counted('drainMs', options.drainMs, 10_000);
  const readiness = new Readiness({ health: () => tide.health(), probe, clock, probeMs });
  const answers = answersOf(localRules(options), { maxConditions });
  const calls = Object.fromEntries(METHOD_NAMES.map((name) => [name, 0])) as Record<MethodName, number>;
  const failures: Record<string, number> = {};
  let [busyMs, running] = [0, 0];

  function settle(begun: number, code: TidemarkErrorCode | null): void {
    running--;
    busyMs += clock.now() - begun;
    readiness.answered(code);
  }

  function handlerOf(name: MethodName): grpc.handleUnaryCall<Buffer, Buffer> {
    const { request, response }: { readonly request: Message; readonly response: Message } = METHODS[name];
    const answer = answers[name] as (asked: unknown, signal: AbortSignal) => Promise<ValueOf<Message>>;
    return (call, done) => {
      const begun = clock.now();
      const ending = new AbortController();
      calls[name]++;
      running++;
      // Whoever asked has gone, or its deadline has passed.
      call.on('cancelled', () => {
        ending.abort();
      });
      const answering = async (): Promise<Buffer> =>
        encode(response, await answer(decode(request, call.request), ending.signal));
      answering().then(
        (bytes) => {
          settle(begun, null);
          done(null, bytes);
        },
        (error: unknown) => {
          const { code, details, from } = statusOf(error);
          settle(begun, from);
          const said = from ?? 'INTERNAL';
          failures[said] = (failures[said] ?? 0) + 1;
          const metadata = new grpc.Metadata();
          if (from !== null) metadata.set(CODE_KEY, from);
          done({ code, details, metadata });
        },
      );
    };
  }

  const server = new grpc.Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
  });
  server.addService(serviceDefinition(), Object.fromEntries(METHOD_NAMES.map((name) => [name, handlerOf(name)])));
  server.addService(HEALTH_DEFINITION, { ...healthHandlers(readiness) });
  const bound = await listen(server, addressOf(host, port), options.credentials);
  void readiness.trouble();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      readiness.drain();
      const cancel = clock.after(drainMs, () => {
        server.forceShutdown();
      });
      server.tryShutdown(() => {
        cancel();
        resolve();
      });
    }));
  return {
    port: bound,
    metrics: () => ({
      ...{ calls: { ...calls }, failures: { ...failures }, busyMs, running },
      ready: readiness.seen ? 1 : 0,
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Messages stay bytes here: what is wrong with one is to be said by its handler. */
function serviceDefinition(): grpc.ServiceDefinition {
  const asIs = (bytes: Buffer): Buffer => bytes;
  return Object.fromEntries(
    METHOD_NAMES.map((name) => [
      name,
      {
        path: `/${SERVICE}/${name}`,
        ...{ requestStream: false, responseStream: false },
        ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
      },
    ]),
  );
}

function listen(
  server: grpc.Server,
  address: string,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (cause, port) => {
      if (cause === null) resolve(port);
      else {
        const message = `serveRules: could not listen on ${address}: ${messageOf(cause)}.`;
        reject(new TidemarkError('RULES_UNAVAILABLE', message, { cause }));
      }
    });
  });
}
