import type { BusListener, BusMessage, BusPosition } from '../../contract.js';
import { contained } from './connection.js';

/** Announcements that may wait for the bytes of one that came without, before they are a gap. */
const MOST_WAITING = 1000;

interface Announced {
  readonly position: BusPosition;
  /** Undefined: too long for an announcement. */
  readonly bytes: Uint8Array | undefined;
}

/** One subscriber of a topic: what it is told, in order. */
export interface Feed {
  announce(payload: string): void;
  /** Messages may have been lost. */
  gap(): void;
  /** Messages after this one are told, those that were announced meanwhile too. */
  begin(top: BusPosition): void;
  stop(): void;
}

/** `read` gives a message; undefined if it is gone or cannot be read. */
export function feedOf(listener: BusListener, read: (position: BusPosition) => Promise<BusMessage | undefined>): Feed {
  const waiting: (Announced | 'gap')[] = [];
  /** The last message told; undefined where any may follow. */
  let last: BusPosition | undefined;
  let state: 'before' | 'idle' | 'busy' | 'stopped' = 'before';

  const gap = (): void => {
    last = undefined;
    contained(() => {
      listener.onGap();
    });
  };
  const tell = async ({ position, bytes }: Announced): Promise<void> => {
    if (last?.epoch === position.epoch && position.offset <= last.offset) return;
    if (last !== undefined && (last.epoch !== position.epoch || position.offset > last.offset + 1)) gap();
    const message = bytes === undefined ? await read(position) : { position, bytes };
    if (isStopped()) return;
    if (message === undefined) {
      gap();
      return;
    }
    last = position;
    contained(() => {
      listener.onMessage(message);
    });
  };
  const isStopped = (): boolean => state === 'stopped';
  const work = async (): Promise<void> => {
    if (state !== 'idle') return;
    state = 'busy';
    for (let next = waiting.shift(); next !== undefined && !isStopped(); next = waiting.shift()) {
      if (next === 'gap') gap();
      else await tell(next);
    }
    if (!isStopped()) state = 'idle';
  };
  const add = (what: Announced | 'gap'): void => {
    if (waiting.length < MOST_WAITING) waiting.push(what);
    else waiting.splice(0, MOST_WAITING, 'gap');
    void work();
  };

  return {
    announce: (payload) => {
      const [epoch = '', offset, base64] = payload.split(' ');
      const bytes = base64 === undefined ? undefined : new Uint8Array(Buffer.from(base64, 'base64'));
      add({ position: { epoch, offset: Number(offset) }, bytes });
    },
    gap: () => {
      add('gap');
    },
    begin: (top) => {
      if (state !== 'before') return;
      last = top;
      state = 'idle';
      void work();
    },
    stop: () => {
      state = 'stopped';
      waiting.length = 0;
    },
  };
}
