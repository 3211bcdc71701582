import { type ServerUnaryCall, type ServerWritableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import { HEALTH, HEALTH_REQUEST, HEALTH_RESPONSE, HEALTH_SERVICE, SERVICE } from './messages.js';
import type { Readiness } from './readiness.js';
import { sendable, statusOf } from './status.js';
import { decode, encode } from './wire.js';

/** Says that the process answers, whatever it can reach: what a supervisor restarts it by. */
const LIVENESS = 'liveness';
const READY = ['', SERVICE];

export const HEALTH_DEFINITION = {
  Check: methodOf('Check', false),
  Watch: methodOf('Watch', true),
} as const;

function methodOf(name: string, responseStream: boolean) {
  return {
    path: `/${HEALTH_SERVICE}/${name}`,
    requestStream: false as const,
    responseStream,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
}

/** grpc.health.v1: `''` and the name of the service say whether questions should be sent here, `liveness` that it answers. */
export function healthHandlers(readiness: Readiness) {
  return {
    Check: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>): void => {
      const service = serviceOf(call.request);
      if (service instanceof Error) done(statusOf(service));
      else if (service === LIVENESS) done(null, said(true));
      else if (READY.includes(service))
        void readiness.trouble().then((trouble) => {
          done(null, said(trouble === null));
        });
      else done({ code: status.NOT_FOUND, details: sendable(`no service '${service}'`) });
    },

    Watch: (call: ServerWritableStream<Buffer, Buffer>): void => {
      const service = serviceOf(call.request);
      if (service instanceof Error) {
        call.emit('error', statusOf(service));
        return;
      }
      const isKnown = service === LIVENESS || READY.includes(service);
      // The protocol wants the stream kept open, in case it is known later.
      if (!isKnown) call.write(encode(HEALTH_RESPONSE, { status: HEALTH.serviceUnknown }));
      let stop = (): void => {};
      let ended = false;
      call.on('cancelled', () => {
        ended = true;
        stop();
      });
      const watching = readiness.watch((isReady) => {
        if (ended) return;
        if (isKnown) call.write(said(service === LIVENESS || isReady));
        // A stream kept open would hold up the end.
        if (readiness.isDraining) {
          ended = true;
          call.end();
          stop();
        }
      });
      void watching.then((stopWatching) => {
        stop = stopWatching;
        if (ended) stop();
      });
    },
  };
}

function said(isServing: boolean): Buffer {
  return encode(HEALTH_RESPONSE, { status: isServing ? HEALTH.serving : HEALTH.notServing });
}

function serviceOf(request: Buffer): string | Error {
  try {
    return decode(HEALTH_REQUEST, request).service;
  } catch (error) {
    return error as Error;
  }
}
