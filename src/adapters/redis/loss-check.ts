import type { BusPosition, Clock } from '../../contract.js';
import { contained } from './channels.js';

/** How often topics that somebody listens to are compared with what was heard of them. */
const CHECK_MS = 30_000;
const AT_ONCE = 500;

interface Followed {
  /** What to do when messages were lost, for each that follows. */
  readonly gaps: Set<() => void>;
  /** Up to where its messages were heard, or read. */
  known: BusPosition;
  /** Where it stood at the last check, if that had not been heard by then. */
  suspect: BusPosition | undefined;
}

/** Finds messages that were lost without a lost connection, as happens between the nodes of a cluster. */
export interface LossCheck {
  /** From `began` on; returns the function that ends it, which may be called again. */
  follow(topic: string, began: BusPosition, onGap: () => void): () => void;
  /** Messages up to here were heard or read. */
  reached(topic: string, position: BusPosition): void;
}

export function lossCheck(topOf: (topic: string) => Promise<BusPosition>, clock: Pick<Clock, 'after'>): LossCheck {
  const topics = new Map<string, Followed>();
  let cancel: (() => void) | undefined;

  const compare = async (topic: string): Promise<void> => {
    const top = await topOf(topic).catch(() => undefined); // the next check asks again
    const followed = topics.get(topic);
    if (top === undefined || followed === undefined) return;
    const { known, suspect } = followed;
    // A message may be on its way when the top is read, but not from one check to the next.
    const lost = suspect !== undefined && isBefore(known, suspect);
    if (lost) followed.known = top;
    followed.suspect = isBefore(followed.known, top) ? top : undefined;
    if (!lost) return;
    for (const onGap of followed.gaps) contained(onGap);
  };
  const check = async (): Promise<void> => {
    const names = [...topics.keys()];
    for (let at = 0; at < names.length; at += AT_ONCE) await Promise.all(names.slice(at, at + AT_ONCE).map(compare));
  };
  const begin = (): void => {
    const mine = clock.after(CHECK_MS, () => {
      void check().then(() => {
        if (cancel === mine) begin();
      });
    });
    cancel = mine;
  };
  const end = (): void => {
    cancel?.();
    cancel = undefined;
  };

  return {
    follow: (topic, began, onGap) => {
      const followed = topics.get(topic) ?? { gaps: new Set(), known: began, suspect: undefined };
      topics.set(topic, followed);
      const mine = (): void => {
        onGap();
      };
      followed.gaps.add(mine);
      if (cancel === undefined) begin();
      return () => {
        if (!followed.gaps.delete(mine) || followed.gaps.size > 0) return;
        topics.delete(topic);
        if (topics.size === 0) end();
      };
    },
    reached: (topic, position) => {
      const followed = topics.get(topic);
      if (followed !== undefined && isBefore(followed.known, position)) followed.known = position;
    },
  };
}

/** Whether `position` is something that `known` does not cover. */
function isBefore(known: BusPosition, position: BusPosition): boolean {
  return known.epoch !== position.epoch || known.offset < position.offset;
}
