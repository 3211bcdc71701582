import * as grpc from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import { HEALTH_REQUEST, HEALTH_RESPONSE, HEALTH_SERVICE, SERVICE } from '../../../src/hosts/grpc/messages.js';
import { decode, encode } from '../../../src/hosts/grpc/wire.js';

const asIs = (bytes: Buffer): Buffer => bytes;

export interface RawAnswer {
  readonly status: string;
  /** The code of tidemark's error. */
  readonly code: string | undefined;
  readonly details: string;
  readonly bytes: Buffer | undefined;
}

/** A gRPC client that knows nothing of this service. */
export function rawClient(port: number, options: grpc.ClientOptions = {}) {
  const address = `127.0.0.1:${String(port)}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), options);
  onTestFinished(() => {
    client.close();
  });
  const ask = (path: string, request: Uint8Array): Promise<RawAnswer> =>
    new Promise((resolve) => {
      const deadline = Date.now() + 20_000;
      client.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), { deadline }, (error, bytes) => {
        resolve({
          status: grpc.status[error?.code ?? 0] as string,
          code: error?.metadata.get('tidemark-code')[0]?.toString(),
          details: error?.details ?? '',
          bytes,
        });
      });
    });
  return {
    ask: (method: string, request: Uint8Array = new Uint8Array()) => ask(`/${SERVICE}/${method}`, request),
    askAt: ask,

    async check(service: string): Promise<string> {
      const { status, bytes } = await ask(`/${HEALTH_SERVICE}/Check`, encode(HEALTH_REQUEST, { service }));
      return bytes === undefined ? status : servingOf(bytes);
    },

    /** What the stream has said so far, 'end' at last. */
    watch(service: string): { readonly said: readonly string[]; cancel(): void } {
      const said: string[] = [];
      const request = encode(HEALTH_REQUEST, { service });
      const stream = client.makeServerStreamRequest(`/${HEALTH_SERVICE}/Watch`, asIs, asIs, request);
      stream.on('data', (bytes: Buffer) => said.push(servingOf(bytes)));
      stream.on('end', () => said.push('end'));
      stream.on('error', ({ code }: grpc.ServiceError) => said.push(grpc.status[code]));
      return {
        said,
        cancel: () => {
          stream.cancel();
        },
      };
    },
  };
}

const servingOf = (bytes: Buffer): string =>
  ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'][decode(HEALTH_RESPONSE, bytes).status] ?? 'none';
