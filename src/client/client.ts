import type { FrameTarget, PlainId, SubscribeFrame } from '../realtime/frames.js';
import { dialEventStream } from './event-stream.js';
import { type Line, type LineEvents, type LineFrame, type LineState, createLine } from './line.js';
import { platformHere } from './platform.js';
import { revive, reviveEach } from './revive.js';
import { shareLine } from './tabs.js';
import type { Client, ClientItem, ClientOptions, ClientState } from './types.js';
import { dialWebSocket } from './web-socket.js';

/** What is followed once for all subscribers that ask for the same. */
interface Followed {
  /** As it is asked for next time: with the cursor where it stands. */
  frame: SubscribeFrame;
  /** The target and the branch that it is about. */
  readonly place: string;
  /** All that was asked for, by which others join it; undefined for who said where it stands, and is alone with that. */
  readonly asked: string | undefined;
  readonly subscribers: Set<Subscriber>;
}

interface Subscriber {
  /** It knows from where on it is told. */
  begun: boolean;
  readonly listener: (item: ClientItem) => void;
}

/** An item without its cursor. */
type Placeless = ClientItem extends infer Item ? (Item extends ClientItem ? Omit<Item, 'cursor'> : never) : never;

/**
 * Follows what a server with `tidemark/sse` or `tidemark/ws` announces, and goes on exactly where it stood after every cut. Connects with the
 * first subscription.
 *
 * @example
 * const client = createClient({ url: '/live', token: () => session.token });
 * const stop = client.subscribe({ type: 'settlement', id: 's1' }, (item) => {
 *   if (item.kind === 'change') show(item.changes.values);
 *   else if (item.kind !== 'computed') refetch();
 * });
 */
export function createClient(options: ClientOptions): Client {
  const { url, token, shared, headers } = options;
  const platform = { ...platformHere(), ...options.platform };
  const report = options.onError ?? platform.reportError;
  const transport = options.transport ?? (url.startsWith('ws') ? 'ws' : 'sse');
  const dial = transport === 'ws' ? dialWebSocket(url, platform) : dialEventStream(url, headers, platform);

  // Tabs of one origin are told apart by it, and nobody else.
  const id = `${platform.random().toString(36).slice(2)}${platform.random().toString(36).slice(2)}:`;
  let keys = 0;
  const followed = new Map<string, Followed>();
  const listeners = new Set<(state: ClientState) => void>();
  let state: ClientState = { status: 'waiting', caughtUp: 0, reason: '' };
  let openedAt = 0;
  /** What was caught up with, each once. */
  const caught = new Set<string>();

  const contained = <Told>(listener: (told: Told) => void, told: Told): void => {
    try {
      listener(told);
    } catch (error) {
      report(error);
    }
  };

  const become = (next: Partial<ClientState>): void => {
    if (state.status === 'closed') return;
    state = { ...state, ...next };
    for (const listener of [...listeners]) contained(listener, state);
  };

  const onState = ({ status, reason, at }: LineState): void => {
    if (status === state.status && reason === state.reason) return;
    if (status === 'open') {
      openedAt = at;
      caught.clear();
      become({ status, reason, caughtUp: 0 });
    } else become({ status, reason });
  };

  const tellAll = ({ subscribers, frame: { since } }: Followed, item: ClientItem): void => {
    for (const subscriber of [...subscribers]) {
      if (item.kind !== 'ended') begin(subscriber, since);
      if (subscribers.has(subscriber)) contained(subscriber.listener, item);
    }
  };

  const begin = (subscriber: Subscriber, cursor: string | undefined): void => {
    if (subscriber.begun || cursor === undefined) return;
    subscriber.begun = true;
    contained(subscriber.listener, { kind: 'subscribed', cursor });
  };

  const onFrame = (frame: LineFrame): void => {
    if (frame.kind === 'ended' || frame.kind === 'refused') {
      const { key, code, message } = frame;
      const of = key === null ? undefined : followed.get(key);
      if (of && key !== null) {
        followed.delete(key);
        tellAll(of, { kind: 'ended', code: code ?? 'CLOSED', message });
      }
      return;
    }
    if (frame.kind === 'signal') {
      const { from, value } = frame;
      for (const key of frame.keys)
        for (const { listener } of followed.get(key)?.subscribers ?? [])
          contained(listener, { kind: 'signal', from, value });
      return;
    }
    const mine = Object.entries(frame.on).filter(([key]) => followed.has(key));
    if (mine.length === 0) return;
    if (frame.kind === 'change' && Date.parse(frame.change.modifiedAt) < openedAt) {
      const { changeId, entityType, entityId } = frame.change;
      caught.add(JSON.stringify([changeId, entityType, entityId]));
      become({ caughtUp: caught.size });
    }
    for (const [key, cursor] of mine) {
      const of = followed.get(key);
      if (!of) continue;
      // Those who came with this one begin behind what was told before.
      if (frame.kind !== 'subscribed') tellAll(of, { ...placeless(frame), cursor } as ClientItem);
      of.frame = { ...of.frame, since: cursor };
      if (frame.kind === 'subscribed') for (const subscriber of [...of.subscribers]) begin(subscriber, cursor);
    }
  };

  const find = (by: 'place' | 'asked', text: string): Followed | undefined => {
    for (const of of followed.values()) if (of[by] === text) return of;
    return undefined;
  };
  const placeOf = (target: FrameTarget, branch?: string): string => JSON.stringify([target, branch]);
  const newKey = (): string => `${id}${String(++keys)}`;
  const rejoin = (): readonly SubscribeFrame[] => {
    const all = [...followed.values()];
    followed.clear();
    for (const of of all) {
      of.frame = { ...of.frame, key: newKey() };
      followed.set(of.frame.key, of);
    }
    return all.map(({ frame }) => frame);
  };

  const openLine = (events: LineEvents): Line =>
    createLine({ token, dial, platform: { ...platform, reportError: report }, ...events });
  const { locks, BroadcastChannel } = platform;
  const name = `tidemark ${transport} ${url} ${typeof shared === 'string' ? shared : ''}`;
  const line =
    shared !== false && locks && BroadcastChannel
      ? shareLine({
          name,
          id,
          locks,
          channel: new BroadcastChannel(name),
          createLine: openLine,
          rejoin,
          onFrame,
          onState,
        })
      : openLine({ onFrame, onState });

  return {
    get state() {
      return state;
    },
    onState: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    subscribe: (target, listener, { branch, since, overflow } = {}) => {
      const subscriber: Subscriber = { listener, begun: false };
      if (state.status === 'closed') return () => {};
      const place = placeOf(target, branch);
      const asked = since === undefined ? `${place}${String(overflow)}` : undefined;
      const known = asked && find('asked', asked);
      const of = known || {
        frame: { kind: 'subscribe', key: newKey(), target, branch, since, overflow },
        ...{ place, asked, subscribers: new Set<Subscriber>() },
      };
      const { subscribers } = of;
      subscribers.add(subscriber);
      if (known) {
        queueMicrotask(() => {
          if (subscribers.has(subscriber)) begin(subscriber, of.frame.since);
        });
      } else {
        followed.set(of.frame.key, of);
        line.send(of.frame);
      }
      return () => {
        const { key } = of.frame;
        if (!subscribers.delete(subscriber) || subscribers.size > 0 || followed.get(key) !== of) return;
        followed.delete(key);
        line.send({ kind: 'unsubscribe', key });
      };
    },
    signal: (target, value, { branch } = {}) => {
      const of = find('place', placeOf(target, branch));
      if (of) line.send({ kind: 'signal', key: of.frame.key, value });
    },
    reconnect: () => {
      if (state.status !== 'closed') line.reconnect();
    },
    close: () => {
      followed.clear();
      line.close();
      become({ status: 'closed' });
    },
  };
}

/** What a frame tells, wherever it stands. */
function placeless(
  frame: Exclude<LineFrame, { readonly key: unknown } | { readonly keys: unknown } | { readonly kind: 'subscribed' }>,
): Placeless {
  switch (frame.kind) {
    case 'change': {
      const { entityId, changes, ...rest } = frame.change;
      const { fields, values } = changes;
      return {
        kind: 'change',
        ...rest,
        entityId: revive(entityId) as Exclude<PlainId, object> | bigint | null,
        changes: { fields, values: reviveEach(values) },
      };
    }
    case 'computed': {
      const { entityId, before, after, ...rest } = frame.computed;
      return {
        kind: 'computed',
        ...rest,
        entityId: revive(entityId) as Exclude<PlainId, object> | bigint,
        ...(before === undefined ? {} : { before: revive(before) }),
        after: revive(after),
      };
    }
    case 'resync': {
      const { reason, dropped } = frame;
      return { kind: 'resync', reason, ...(dropped === undefined ? {} : { dropped }) };
    }
  }
}
