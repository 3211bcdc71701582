import type { SendSignalFrame, SubscribeFrame, UnsubscribeFrame } from '../realtime/frames.js';
import type { Line, LineEvents, LineFrame, LineState } from './line.js';
import type { Channel, Locks } from './platform.js';

/** What tabs say to each other. */
interface Message {
  /** The tab that says it. */
  readonly tab: string;
  /** To the tab that holds the line, by its name. */
  readonly to?: string | undefined;
  /** To the holder: what was followed by this tab before counts no more. */
  readonly joins?: boolean | undefined;
  readonly frames?: readonly (SubscribeFrame | UnsubscribeFrame | SendSignalFrame)[] | undefined;
  readonly reconnect?: boolean | undefined;
  /** To all: who holds the line? */
  readonly asks?: boolean | undefined;
  /** From the holder to all. */
  readonly state?: LineState | undefined;
  readonly frame?: LineFrame | undefined;
}

export interface TabsOptions extends LineEvents {
  /** What tabs with one line have in common. */
  readonly name: string;
  /** Names this tab; keys of its subscriptions begin with it. */
  readonly id: string;
  readonly locks: Locks;
  readonly channel: Channel;
  readonly createLine: (events: LineEvents) => Line;
  /** What this tab follows and where it stands, under keys that were never used before. */
  readonly rejoin: () => readonly SubscribeFrame[];
}

/**
 * The line that one of the tabs holds for all: who has the lock `name`. Each tab has a lock of its own besides, as long as it
 * lives: who waits for it hears that the tab is gone, however it went. A tab that hears another holder joins it with new keys and
 * its own cursors, so that nothing is missed and what the one before still says finds nobody.
 */
export function shareLine({ name, id, locks, channel, createLine, rejoin, onFrame, onState }: TabsOptions): Line {
  const closing = new AbortController();
  const { signal } = closing;
  /** Whose line it is, as far as this tab knows. */
  let holder: string | undefined;
  /** Only of the holder. */
  let line: Line | undefined;
  let state: LineState = { status: 'connecting', reason: '', at: 0 };
  /** Keys that the holder follows, by tab. */
  const tabs = new Map<string, Set<string>>();

  const lockOf = (tab: string): string => `${name} ${tab}`;
  const untilClosed = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  /** Rejects only because this tab closes. */
  const request = (lock: string, held: () => unknown): Promise<unknown> => locks.request(lock, { signal }, held);
  const whenGone = (tab: string, run: () => void): void => {
    if (tab !== id) request(lockOf(tab), run).catch(() => {});
  };

  const post = (message: Omit<Message, 'tab'>): void => {
    if (signal.aborted) return;
    const mine = { tab: id, ...message };
    if (message.frame === undefined || !isOnlyFor(id, message.frame)) channel.postMessage(mine);
    // A channel does not bring back what one has said oneself.
    hear(mine);
  };

  const hear = ({ tab, to, joins, frames, reconnect, asks, state: news, frame }: Message): void => {
    if (to === id && line) {
      if (joins) admit(tab);
      const keys = tabs.get(tab);
      for (const each of frames ?? []) {
        keys?.add(each.key);
        line.send(each);
      }
      if (reconnect) line.reconnect();
    } else if (asks && line) post({ state });
    if (news) {
      if (tab !== holder) join(tab);
      onState(news);
    }
    if (frame && tab === holder) onFrame(frame);
  };

  const join = (tab: string): void => {
    holder = tab;
    post({ to: tab, joins: true, frames: rejoin() });
    whenGone(tab, () => {
      if (holder !== tab) return;
      holder = undefined;
      onState({ status: 'connecting', reason: 'The tab that was connected is gone.', at: 0 });
      post({ asks: true });
    });
  };

  const admit = (tab: string): void => {
    const known = tabs.has(tab);
    dismiss(tab);
    tabs.set(tab, new Set());
    if (!known) {
      whenGone(tab, () => {
        dismiss(tab);
        tabs.delete(tab);
      });
    }
  };

  const dismiss = (tab: string): void => {
    for (const key of tabs.get(tab) ?? []) line?.send({ kind: 'unsubscribe', key });
  };

  const hold = (): Promise<void> => {
    line = createLine({
      onFrame: (frame) => {
        post({ frame });
      },
      onState: (news) => {
        state = news;
        post({ state });
      },
    });
    post({ state });
    return untilClosed;
  };

  channel.onmessage = ({ data }) => {
    hear(data as Message);
  };
  request(lockOf(id), () => {
    post({ asks: true });
    request(name, hold).catch(() => {});
    return untilClosed;
  }).catch(() => {
    // Where a page may have no locks, nobody shares with it.
    if (!signal.aborted) void hold();
  });

  return {
    send: (frame) => {
      if (holder !== undefined) post({ to: holder, frames: [frame] });
    },
    reconnect: () => {
      if (holder !== undefined) post({ to: holder, reconnect: true });
    },
    close: () => {
      line?.close();
      closing.abort();
      channel.close();
    },
  };
}

function isOnlyFor(tab: string, frame: LineFrame): boolean {
  const keys = 'on' in frame ? Object.keys(frame.on) : 'keys' in frame ? frame.keys : [frame.key ?? ''];
  return keys.every((key) => key.startsWith(tab));
}
