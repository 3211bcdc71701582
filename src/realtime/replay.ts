import type { ResyncItem, SubscriptionItem } from '../watching.js';
import type { BusPosition } from '../contract.js';
import { type Cursor, encodeCursor } from './cursor.js';
import type { Feed } from './feed.js';
import { Merge } from './merge.js';
import { toError, untilDone } from './retry.js';
import { type HubContext, PAGE } from './topic.js';
import { decodeAnnouncement } from './wire.js';

export interface ReplayOptions {
  readonly context: HubContext;
  readonly feed: Feed;
  /** Where in the ring the subscriber was attached. */
  readonly sequence: number;
  /** Nobody waits for more. */
  readonly signal: AbortSignal;
}

type Reason = ResyncItem['reason'];

/**
 * What a subscriber missed between its cursor and the ring, from history, page by page as it asks for it. What cannot be
 * had is one resync, after which it goes on with what came since it was attached. Returns the sequence at which the ring
 * continues. `since` is a cursor, or why there is none to go by.
 */
export async function* replay(
  since: Cursor | Reason,
  options: ReplayOptions,
): AsyncGenerator<SubscriptionItem, number, undefined> {
  const { feed, signal } = options;
  const { ring, topicsHash } = feed;
  const objection = await objectionTo(since, options);
  // The ring has everything after this place; what is before it comes from history.
  const to = { sequence: ring.next, positions: [...feed.place.positions] };
  if (signal.aborted) return to.sequence;
  if (typeof since === 'string' || objection !== undefined) {
    const sequence = Math.max(options.sequence, ring.oldest);
    yield feed.resync(sequence, objection ?? 'gap');
    return sequence;
  }

  const merge = new Merge(feed.hashes, since.place);
  let delivered = false;
  let crossed = false;
  for (;;) {
    const content = merge.take(crossed ? Infinity : -Infinity, true);
    if (content?.kind === 'event') {
      delivered = true;
      crossed = false;
      yield Object.freeze({
        kind: 'change',
        cursor: encodeCursor({ topics: topicsHash, place: merge }),
        ...content.event,
      });
      continue;
    }
    const wanted = feed.topics.flatMap((_, topic) => (merge.wants(topic) ? [topic] : []));
    if (wanted.length === 0) {
      if (merge.held === 0) return to.sequence;
      // Two publishers crossed, in different pages.
      crossed = true;
      continue;
    }
    const missing = await Promise.all(wanted.map((topic) => readPage(topic, { merge, to: to.positions, options })));
    if (signal.aborted) return to.sequence;
    const reason = missing.find((why) => why !== undefined);
    if (reason === undefined) continue;
    const sequence = Math.max(delivered ? to.sequence : options.sequence, ring.oldest);
    yield feed.resync(sequence, reason);
    return sequence;
  }
}

/** Waits until the feed has reached the cursor: another replica may have been quicker. Returns why it never will. */
async function objectionTo(
  since: Cursor | Reason,
  { context, feed, signal }: ReplayOptions,
): Promise<Reason | undefined> {
  while (!feed.started && !signal.aborted) await change(feed, signal);
  if (typeof since === 'string') return since;
  if (since.topics !== feed.topicsHash || since.place.positions.length !== feed.topics.length) return 'branch';
  for (let asked = false; !signal.aborted; asked = true) {
    const ahead: number[] = [];
    for (const [topic, position] of since.place.positions.entries()) {
      const reached = feed.place.positions[topic];
      if (position === undefined) return 'gap';
      if (position.epoch !== reached?.epoch) return 'epoch';
      if (position.offset > reached.offset) ahead.push(topic);
    }
    if (ahead.length === 0) return undefined;
    if (!asked) {
      for (const topic of ahead) {
        const { epoch, offset } = since.place.positions[topic] as BusPosition;
        const history = await read(topic, undefined, { context, feed, signal });
        if (history !== undefined && (history.top.epoch !== epoch || history.top.offset < offset)) return 'epoch';
      }
      continue;
    }
    await change(feed, signal);
  }
  return undefined;
}

interface PageOptions {
  readonly merge: Merge;
  readonly to: readonly (BusPosition | undefined)[];
  readonly options: ReplayOptions;
}

/** Reads on from where the merge stands in a topic. Returns what makes that impossible. */
async function readPage(topic: number, { merge, to, options }: PageOptions): Promise<Reason | undefined> {
  const [at, end] = [merge.positions[topic], to[topic]];
  if (at === undefined || end === undefined) return 'gap';
  if (at.epoch !== end.epoch) return 'epoch';
  let { offset } = at;
  if (offset < end.offset) {
    const history = await read(topic, at, options);
    if (history === undefined) return undefined;
    if (history.top.epoch !== at.epoch || history.top.offset < offset) return 'epoch';
    if (history.truncated) return 'truncated';
    const { codec, parseId, onError } = options.context;
    for (const { position, bytes } of history.messages) {
      if (position.offset > end.offset) break;
      if (position.epoch !== at.epoch || position.offset !== offset + 1) return 'gap';
      try {
        merge.offer(topic, { position, content: decodeAnnouncement(bytes, codec, parseId) }, Infinity);
      } catch (thrown) {
        onError(toError(thrown), `decode a message of ${String(options.feed.topics[topic]?.key)}`);
        return 'gap';
      }
      offset++;
    }
    if (offset === at.offset) return 'gap';
  }
  if (offset >= end.offset) merge.end(topic);
  return undefined;
}

function read(
  topic: number,
  since: BusPosition | undefined,
  { context, feed, signal }: Omit<ReplayOptions, 'sequence'>,
) {
  const { bus, clock, onError } = context;
  const key = feed.topics[topic]?.key ?? '';
  return untilDone(() => bus.read(key, since, since === undefined ? 1 : PAGE), {
    clock,
    onError,
    where: `read ${key}`,
    signal,
  });
}

function change(feed: Feed, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      feed.forget(done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    feed.wait(done);
  });
}
