import type {
  AgainFrame,
  ChangeFrame,
  ComputedFrame,
  EndedFrame,
  PlainChange,
  RefusedFrame,
  ResyncFrame,
  SendSignalFrame,
  ServerFrame,
  SignalFrame,
  SubscribeFrame,
  SubscribedFrame,
  UnsubscribeFrame,
} from '../realtime/frames.js';
import type { Dial, Link } from './link.js';
import type { Platform } from './platform.js';
import type { ClientOptions, ClientStatus } from './types.js';

/** A link that has told nothing for so long is dead. */
const SILENCE_MS = 40_000;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** A link that was open for so long was a good one: what failed before it does not count. */
const STOOD_MS = 5000;
/** Changes that both ends remember having told. */
const REMEMBERED = 256;

/** What a line says of its subscriptions: nothing refers to a frame before. */
export type LineFrame =
  SubscribedFrame | ChangeFrame | ComputedFrame | ResyncFrame | EndedFrame | RefusedFrame | SignalFrame;

export interface LineState {
  readonly status: ClientStatus;
  readonly reason: string;
  /** The server's time at its welcome. */
  readonly at: number;
}

/** A line, or the way to the tab that holds it. */
export interface Line {
  send(frame: SubscribeFrame | UnsubscribeFrame | SendSignalFrame): void;
  reconnect(): void;
  close(): void;
}

export interface LineEvents {
  readonly onFrame: (frame: LineFrame) => void;
  readonly onState: (state: LineState) => void;
}

export interface LineOptions extends LineEvents, Pick<ClientOptions, 'token'> {
  readonly platform: Platform;
  readonly dial: Dial;
}

/** Link after link to the server. Each subscription goes on where it stood on the one before. */
export function createLine({ platform, dial, token, onFrame, onState }: LineOptions): Line {
  const { now, after, random, reportError } = platform;
  /** By key, each with the cursor where it stands. */
  const subscriptions = new Map<string, SubscribeFrame>();
  /** By number, what was told on this link. */
  const changes = new Map<number, PlainChange>();
  /** Stands for the link that is heard. Whoever finds another here has nothing to say any more. */
  let current: object | undefined;
  let link: Link | undefined;
  let status: ClientStatus = 'waiting';
  let openedAt = Infinity;
  let failures = 0;
  /** It came back at once with a new token. */
  let renewed = false;
  let cancelRetry: (() => void) | undefined;
  let cancelSoon: (() => void) | undefined;
  let cancelSilence: (() => void) | undefined;

  const tell = (next: ClientStatus, reason = '', at = 0): void => {
    status = next;
    onState({ status, reason, at });
  };

  const hangUp = (): void => {
    for (const cancel of [cancelRetry, cancelSoon, cancelSilence]) cancel?.();
    cancelRetry = cancelSoon = current = undefined;
    link?.close();
    link = undefined;
  };

  /** `quietly`: only to say something else to the same server. */
  const connect = (quietly = false): void => {
    hangUp();
    if (!quietly) tell('connecting');
    changes.clear();
    openedAt = Infinity;
    const mine = (current = {});
    const whileMine =
      <Args extends unknown[]>(run: (...args: Args) => void) =>
      (...args: Args): void => {
        if (current === mine) run(...args);
      };
    const events = { text: whileMine(take), sign: whileMine(sign), end: whileMine(lost) };
    sign();
    ask(
      whileMine((text) => {
        link = dial(text, [...subscriptions.values()], events);
      }),
      events.end,
    );
  };

  const ask = (then: (token: string | undefined) => void, otherwise: (code: number, reason: string) => void): void => {
    Promise.resolve()
      .then(token)
      .then(then)
      .catch((error: unknown) => {
        reportError(error);
        otherwise(0, String(error));
      });
  };

  const sign = (): void => {
    cancelSilence?.();
    cancelSilence = after(SILENCE_MS, () => {
      lost(0, 'The server is silent.');
    });
  };

  const lost = (code: number, reason: string): void => {
    hangUp();
    if (now() - openedAt >= STOOD_MS) {
      failures = 0;
      renewed = false;
    }
    const isToken = code === 4401 || code === 401;
    if (code === 4403 || (isToken ? !token : code >= 400 && code < 500 && code !== 408 && code !== 429)) {
      tell('refused', reason);
    } else if (isToken && !renewed) {
      renewed = true;
      connect();
    } else {
      tell('waiting', reason);
      cancelRetry = after(random() * Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures++), connect);
    }
  };

  const take = (json: string): void => {
    sign();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(json) as ServerFrame;
    } catch {
      lost(0, 'What came is no frame.');
      return;
    }
    const { kind } = frame;
    if (kind === 'welcome') {
      openedAt = now();
      for (const subscription of subscriptions.values()) link?.send?.(subscription);
      // Whoever subscribes on hearing it sends that alone.
      tell('open', '', frame.at);
    } else if (kind === 'expiring') expiring();
    else if (kind === 'again') again(frame);
    else if (kind === 'ended' || kind === 'refused') {
      if (frame.key !== null && subscriptions.delete(frame.key)) onFrame(frame);
    } else if (kind === 'signal') onFrame(frame);
    else if ('on' in frame) {
      if (kind === 'change') {
        changes.set(frame.number, frame.change);
        changes.delete(frame.number - REMEMBERED);
      }
      pass(frame);
    }
  };

  const again = ({ number, on }: AgainFrame): void => {
    const change = changes.get(number);
    if (change) pass({ kind: 'change', number, change, on });
    else lost(0, 'A change is not known.');
  };

  const pass = (frame: Exclude<LineFrame, EndedFrame | RefusedFrame | SignalFrame>): void => {
    // What was unsubscribed may still be told of.
    const known = Object.entries(frame.on).filter(([key, since]) => {
      const subscription = subscriptions.get(key);
      if (subscription) subscriptions.set(key, { ...subscription, since });
      return subscription;
    });
    if (known.length > 0) onFrame({ ...frame, on: Object.fromEntries(known) });
  };

  const expiring = (): void => {
    const mine = link;
    if (mine?.send) {
      ask(
        (text) => {
          if (link === mine && text !== undefined) mine.send?.({ kind: 'authenticate', token: text });
        },
        () => {},
      );
    } else if (now() - openedAt >= STOOD_MS) connect(true);
  };

  const stopWaking = platform.onWake(() => {
    if (cancelRetry) connect();
  });

  return {
    send: (frame) => {
      if (frame.kind === 'signal') {
        if (status === 'open') link?.send?.(frame);
        return;
      }
      if (frame.kind === 'subscribe') subscriptions.set(frame.key, frame);
      else if (!subscriptions.delete(frame.key)) return;
      if (link?.send) {
        // Before the welcome none are taken; with it all are sent.
        if (status === 'open') link.send(frame);
      } else if (!cancelSoon && (link || (status === 'waiting' && !cancelRetry))) {
        // Those of one turn are one request.
        cancelSoon = after(0, () => {
          cancelSoon = undefined;
          if (subscriptions.size > 0) connect(status === 'open');
          else {
            hangUp();
            tell('waiting');
          }
        });
      }
    },
    reconnect: () => {
      failures = 0;
      renewed = false;
      connect();
    },
    close: () => {
      hangUp();
      stopWaking();
      current = undefined;
    },
  };
}
