import * as grpc from '@grpc/grpc-js';
import { systemClock } from '../../clock.js';
import { TidemarkError } from '../../errors.js';
import type { BreakerState } from '../../metrics.js';
import { Breaker, type BreakerOptions } from './breaker.js';
import { METHODS, type MethodName, type Methods, SERVICE } from './messages.js';
import { CODE_KEY, refusalOf } from './status.js';
import { type Message, type ValueOf, decode, encode } from './wire.js';

export interface TargetOptions {
  readonly address: string;
  readonly credentials: grpc.ChannelCredentials;
  readonly maxMessageBytes: number;
  readonly breaker: Omit<BreakerOptions, 'onState'>;
  readonly onState: (address: string, state: BreakerState) => void;
}

/** What a call came to: an answer, the refusal of the question, or a failure after which another may be asked. */
export type Reply<Name extends MethodName> =
  | { readonly answer: ValueOf<Methods[Name]['response']> }
  | { readonly refusal: TidemarkError }
  | { readonly failure: Error };

/** A server that was gone is looked for again soon: calls fail at once meanwhile, and go elsewhere. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2000;

/** One server: its connection, its breaker and its counts. */
export class Target {
  readonly address: string;
  readonly breaker: Breaker;
  calls = 0;
  failures = 0;
  readonly #client: grpc.Client;
  readonly #running = new Set<grpc.ClientUnaryCall>();

  constructor({ address, credentials, maxMessageBytes, breaker, onState }: TargetOptions) {
    this.address = address;
    this.breaker = new Breaker({
      ...breaker,
      onState: (state) => {
        onState(address, state);
      },
    });
    this.#client = new grpc.Client(address, credentials, {
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
      'grpc.initial_reconnect_backoff_ms': FIRST_RETRY_MS,
      'grpc.max_reconnect_backoff_ms': LAST_RETRY_MS,
      // Failing over is done here, where it is counted.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Targets of one process do not share a connection, nor the state of it.
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Null if the breaker lets none through. Rejects with ABORTED if the signal fires, with nothing else. */
  async ask<Name extends MethodName>(
    name: Name,
    request: Uint8Array,
    { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<Reply<Name> | null> {
    const settle = this.breaker.take();
    if (settle === null) return null;
    this.calls++;
    const { code, details, from, bytes } = await this.#call(name, Buffer.from(request), { limitMs, signal });
    if (signal?.aborted === true && bytes === undefined) {
      settle('none');
      throw new TidemarkError('ABORTED', 'signal: the caller no longer waits.');
    }
    const reply = replyOf<Name>(name, { code, details, from, bytes });
    settle('failure' in reply ? 'failed' : 'answered');
    if ('failure' in reply) this.failures++;
    return reply;
  }

  /** Ends what is under way. */
  close(): void {
    for (const call of this.#running) call.cancel();
    this.#client.close();
  }

  #call(
    name: MethodName,
    request: Buffer,
    { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<Ended> {
    return new Promise((resolve) => {
      const asIs = (bytes: Buffer): Buffer => bytes;
      // The transport's deadlines are by the clock of the machine.
      const deadline = systemClock.wallNow() + Math.max(1, Math.ceil(limitMs));
      const call = this.#client.makeUnaryRequest<Buffer, Buffer>(
        ...[`/${SERVICE}/${name}`, asIs, asIs, request, new grpc.Metadata()],
        { deadline },
        (error, bytes) => {
          this.#running.delete(call);
          signal?.removeEventListener('abort', cancel);
          if (error === null) resolve({ code: grpc.status.OK, details: '', from: undefined, bytes });
          else {
            const from = (error.metadata as grpc.Metadata | undefined)?.get(CODE_KEY)[0]?.toString();
            resolve({ code: error.code, details: error.details, from, bytes: undefined });
          }
        },
      );
      const cancel = (): void => {
        call.cancel();
      };
      this.#running.add(call);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }
}

interface Ended {
  readonly code: grpc.status;
  readonly details: string;
  /** The code of tidemark's error. */
  readonly from: string | undefined;
  readonly bytes: Buffer | undefined;
}

function replyOf<Name extends MethodName>(name: Name, { code, details, from, bytes }: Ended): Reply<Name> {
  if (bytes !== undefined) {
    try {
      const response: Message = METHODS[name].response;
      return { answer: decode(response, bytes) as ValueOf<Methods[Name]['response']> };
    } catch (cause) {
      return { failure: new Error('the answer is no message of the service', { cause }) };
    }
  }
  const refusal = refusalOf({ code, details }, from);
  if (refusal !== null) return { refusal };
  return { failure: new Error(`${grpc.status[code]}: ${details}`) };
}

/** Throws INVALID_REQUEST for what no message can hold. */
export function requestOf<Name extends MethodName>(name: Name, request: ValueOf<Methods[Name]['request']>): Uint8Array {
  const message: Message = METHODS[name].request;
  return encode(message, request as ValueOf<Message>);
}
