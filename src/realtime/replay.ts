import type { ResyncItem, SubscriptionItem } from '../watching.js';
import type { BusPosition } from '../contract.js';
import { type Cursor, encodeCursor, parseCursor } from './cursor.js';
import type { Feed } from './feed.js';
import { Merge } from './merge.js';
import { untilDone } from './retry.js';
import { type HubContext, PAGE, receive } from './context.js';
import type { Topic } from './topic.js';
import { itemOf } from './wire.js';

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
    options.context.heard(null);
    const sequence = Math.max(unseen(since, options), ring.oldest);
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
      yield itemOf(content, encodeCursor({ topics: topicsHash, place: merge }));
      continue;
    }
    if (content?.kind === 'hole') {
      options.context.heard(null);
      const cursor = encodeCursor({ topics: topicsHash, place: merge });
      yield Object.freeze({ kind: 'resync', reason: content.reason, cursor });
      continue;
    }
    const wanted = feed.topics.flatMap((_, topic) => (merge.wants(topic) ? [topic] : []));
    if (wanted.length === 0) {
      if (merge.held === 0) {
        // The feed may have begun between the copies of an event, and tell it again.
        if ([...merge.late.keys()].every((id) => feed.hasTold(id, to.sequence))) return to.sequence;
        options.context.heard(null);
        yield feed.resync(to.sequence, 'gap');
        return to.sequence;
      }
      // Two publishers crossed, in different pages.
      crossed = true;
      continue;
    }
    const missing = await Promise.all(wanted.map((topic) => readPage(topic, { merge, to: to.positions, options })));
    if (signal.aborted) return to.sequence;
    const reason = missing.find((why) => why !== undefined);
    if (reason === undefined) continue;
    options.context.heard(null);
    const sequence = Math.max(delivered ? to.sequence : unseen(since, options), ring.oldest);
    yield feed.resync(sequence, reason);
    return sequence;
  }
}

/** Waits until the feed has reached the cursor: another replica may have been quicker. Returns why it never will. */
async function objectionTo(since: Cursor | Reason, { feed, signal }: ReplayOptions): Promise<Reason | undefined> {
  while (!feed.started && !signal.aborted) await change(feed, signal);
  if (typeof since === 'string') return since;
  if (since.topics !== feed.topicsHash || since.place.positions.length !== feed.topics.length) return 'branch';
  const looked = new Set<Topic>();
  while (!signal.aborted) {
    let reached = true;
    for (const [i, position] of since.place.positions.entries()) {
      if (position === undefined) return 'gap';
      if (reaches(feed.place.positions[i], position)) continue;
      reached = false;
      const topic = feed.topics[i] as Topic;
      if (topic.recovering || reaches(topic.position, position)) continue;
      // It may never hear by itself what it lost, or that its store was.
      if (looked.has(topic)) return 'epoch';
      looked.add(topic);
      topic.look();
    }
    if (reached) return undefined;
    await change(feed, signal);
  }
  return undefined;
}

/**
 * Where the ring goes on after a resync: with what came since it was attached, but for what its cursor has seen
 * elsewhere. If in doubt it has: the resync covers it.
 */
function unseen(since: Cursor | Reason, { feed: { ring, topicsHash }, sequence }: ReplayOptions): number {
  if (typeof since === 'string' || since.topics !== topicsHash) return sequence;
  const seen = ({ cursor }: SubscriptionItem): boolean => {
    const { positions } = parseCursor(cursor).place;
    const known = since.place.positions.flatMap((position, i) => {
      const at = positions[i];
      return position !== undefined && at?.epoch === position.epoch ? [at.offset <= position.offset] : [];
    });
    return known.length > 0 && known.every(Boolean);
  };
  let next = sequence;
  for (let item = ring.get(next); item !== undefined && seen(item); item = ring.get(next)) next++;
  return next;
}

function reaches(at: BusPosition | undefined, position: BusPosition): boolean {
  return at !== undefined && at.epoch === position.epoch && at.offset >= position.offset;
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
  const { key } = options.feed.topics[topic] as Topic;
  if (offset < end.offset) {
    const history = await read(topic, at, options);
    if (history === undefined) return undefined;
    if (history.top.epoch !== at.epoch || history.top.offset < offset) return 'epoch';
    if (history.truncated) return 'truncated';
    for (const { position, bytes } of history.messages) {
      if (position.offset > end.offset) break;
      if (position.epoch !== at.epoch || position.offset !== offset + 1) return 'gap';
      const content = receive(bytes, key, options.context);
      if (content.kind === 'hole') return content.reason;
      merge.offer(topic, { position, content }, Infinity);
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
