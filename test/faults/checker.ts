import type { History } from './history.js';

/** What was promised. */
export interface Terms {
  readonly maxStalenessMs: number;
  /** By how much measuring itself is off. */
  readonly slackMs: number;
  /** What a fault of this kind allows beyond that, as the docs say. Default 0. */
  readonly moreMs?: number | undefined;
}

export interface Figures {
  readonly reads: number;
  readonly changes: number;
  readonly queued: number;
  /** The most by which a read was older than the store. */
  readonly stalestMs: number;
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly heard: number;
  readonly resyncs: number;
}

export interface Verdict {
  readonly violations: readonly string[];
  readonly figures: Figures;
}

/** Something that holds for an entity from a time on. */
interface Since {
  readonly at: number;
  readonly version: number;
}

/**
 * Judges a history and knows nothing else: not the code, not the fault, not the store. Every sentence it returns names
 * the promise that was broken.
 */
export function judge(history: History, terms: Terms): Verdict {
  const violations = [
    ...history.complaints,
    ...errors(history),
    ...futures(history),
    ...ownChanges(history),
    ...afterReceipts(history),
    ...afterEvents(history),
    ...deliveries(history),
  ];
  const stale = staleness(history);
  const boundMs = terms.maxStalenessMs + terms.slackMs + (terms.moreMs ?? 0);
  for (const { ms, text, strong } of stale)
    if (ms > (strong ? 0 : boundMs)) violations.push(`P3: ${text}, which the store had ${ms.toFixed(0)} ms before`);
  const times = history.reads.map(({ start, end }) => end - start).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    violations,
    figures: {
      reads: history.reads.length,
      changes: history.changes.length,
      queued: history.changes.filter(({ state }) => state === 'queued').length,
      stalestMs: stale.reduce((most, { ms }) => Math.max(most, ms), 0),
      p99Ms: at(0.99),
      longestMs: at(1),
      heard: history.heard.filter(({ version }) => version !== null).length,
      resyncs: history.heard.filter(({ version }) => version === null).length,
    },
  };
}

// ── Reads ───────────────────────────────────────────────────────────────────────────────────────────────────────

const named = ({ replica, what, start }: History['reads'][number], start0: number): string =>
  `${replica} read ${what} at ${(start - start0).toFixed(0)} ms`;

const beginOf = ({ reads, changes }: History): number =>
  Math.min(reads[0]?.start ?? Infinity, changes[0]?.start ?? Infinity);

/** P6: nothing is thrown at a reader or at whoever changes something. */
function errors({ reads, changes }: History): string[] {
  return [
    ...reads.flatMap(({ replica, what, error }) =>
      error === undefined ? [] : [`P6: ${replica} read ${what}: ${error}`],
    ),
    ...changes.flatMap(({ replica, id, error }) =>
      error === undefined ? [] : [`P6: ${replica} changed ${id}: ${error}`],
    ),
  ];
}

/** Nobody sees what had not been committed yet. */
function futures(history: History): string[] {
  const committed = sinces(history.commits.map(({ id, version, at }) => ({ key: id, at, version })));
  const begin = beginOf(history);
  return history.reads.flatMap((read) =>
    (read.seen ?? []).flatMap(([id, version]) =>
      version <= Math.max(1, holding(committed.get(id), read.end))
        ? []
        : [`${named(read, begin)}: ${id} at version ${String(version)}, which was not committed yet`],
    ),
  );
}

/** P1: what `change()` resolved for on this replica is seen by every read on it that begins later, queued or done. */
function ownChanges(history: History): string[] {
  const resolved = sinces(
    history.changes
      .filter(({ error }) => error === undefined)
      .map(({ replica, id, end, version }) => ({ key: `${replica} ${id}`, at: end, version })),
  );
  return tooOld(history, resolved, 'P1', 'after its own change to');
}

/** P1: `after` a receipt, whoever has it. */
function afterReceipts(history: History): string[] {
  const begin = beginOf(history);
  return history.reads.flatMap((read) => {
    if (read.after === undefined || read.seen === undefined) return [];
    const [id, version] = read.after;
    const seen = read.seen.find(([one]) => one === id)?.[1] ?? 0;
    return seen >= version
      ? []
      : [`P1: ${named(read, begin)} after the receipt of ${id}#${String(version)}: version ${String(seen)}`];
  });
}

/** P1: whoever was told of a change reads nothing older. */
function afterEvents(history: History): string[] {
  const told = sinces(
    history.heard.flatMap(({ replica, id, at, version }) =>
      version === null ? [] : [{ key: `${replica} ${id}`, at, version }],
    ),
  );
  return tooOld(history, told, 'P1', 'after the event of');
}

function tooOld(
  history: History,
  known: ReadonlyMap<string, readonly Since[]>,
  promise: string,
  why: string,
): string[] {
  const begin = beginOf(history);
  return history.reads.flatMap((read) =>
    (read.seen ?? []).flatMap(([id, version]) => {
      const least = holding(known.get(`${read.replica} ${id}`), read.start);
      return version >= least
        ? []
        : [`${promise}: ${named(read, begin)} ${why} ${id}#${String(least)}: version ${String(version)}`];
    }),
  );
}

/** P3 and P2: for each read of something older than what the store had accepted, how long it had. */
function staleness(history: History): { readonly ms: number; readonly strong: boolean; readonly text: string }[] {
  const sentAt = new Map(history.sent.map(({ changeId, at }) => [changeId, at]));
  const accepted = new Map<string, Since[]>();
  for (const { id, version, state, end, changeId = '' } of history.changes) {
    const at = state === 'done' ? end : (sentAt.get(changeId) ?? Infinity);
    const all = accepted.get(id) ?? [];
    accepted.set(id, all);
    all.push({ at, version });
  }
  const begin = beginOf(history);
  return history.reads.flatMap((read) =>
    (read.seen ?? []).flatMap(([id, version]) => {
      let first = Infinity;
      for (const one of accepted.get(id) ?? []) if (one.version > version) first = Math.min(first, one.at);
      const ms = read.start - first;
      const text = `${named(read, begin)}: ${id} at version ${String(version)}, older than one`;
      return ms <= 0 ? [] : [{ ms, strong: read.strong, text }];
    }),
  );
}

// ── Subscriptions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * P7: in order, no duplicates, and what is missing is covered by a resync that came after it was marked: whoever reads
 * again then reads it, though `change()` may still be announcing it. What was never announced, since whoever changed it
 * died on the way, cannot be missed; what was changed before the first item either.
 */
function deliveries({ heard, changes, killed }: History): string[] {
  const resolved = changes.filter(({ error }) => error === undefined);
  const bySubscription = new Map<string, History['heard'][number][]>();
  for (const one of heard) {
    const all = bySubscription.get(one.subscription) ?? [];
    bySubscription.set(one.subscription, all);
    all.push(one);
  }
  return [...bySubscription].flatMap(([subscription, items]) => {
    const [{ id, replica, version: first, at: begunAt }] = items as [History['heard'][number]];
    const found: string[] = [];
    const told = new Set<number>();
    let last = 0;
    for (const { version } of items) {
      if (version === null) continue;
      if (version <= last) found.push(`P7: ${subscription} was told ${id}#${String(version)} after #${String(last)}`);
      told.add(version);
      last = Math.max(last, version);
    }
    const resyncAt = items.findLast(({ version }) => version === null)?.at ?? -Infinity;
    const endAt = killed.has(replica) ? (items.at(-1)?.at ?? 0) : Infinity;
    const lost = resolved.filter(
      ({ id: one, version, end, bumpedAt = end }) =>
        one === id &&
        !told.has(version) &&
        bumpedAt > resyncAt &&
        end < endAt &&
        (first === null ? end > begunAt : version > first),
    );
    const names = lost.map(({ version }) => `${id}#${String(version)}`).join(', ');
    const [{ bumpedAt, end } = { end: 0 }] = lost;
    const around = items.map(
      ({ version, reason = '', at }) => `${version === null ? reason : `#${String(version)}`} ${timeOf(at, end)}`,
    );
    if (lost.length > 0) {
      const marked = bumpedAt === undefined ? '' : `, marked ${timeOf(bumpedAt, end)}`;
      found.push(`P7: ${subscription} was never told ${names}${marked}; it was told ${around.join(', ')}`);
    }
    return found;
  });
}

const timeOf = (at: number, since: number): string => `${at < since ? '-' : '+'}${Math.abs(at - since).toFixed(0)} ms`;

// ── Times ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** By key, in order of time, each with the highest version until then. */
function sinces(
  all: readonly { readonly key: string; readonly at: number; readonly version: number }[],
): ReadonlyMap<string, readonly Since[]> {
  const byKey = new Map<string, Since[]>();
  for (const { key, at, version } of [...all].sort((a, b) => a.at - b.at)) {
    const list = byKey.get(key) ?? [];
    byKey.set(key, list);
    list.push({ at, version: Math.max(version, list.at(-1)?.version ?? 0) });
  }
  return byKey;
}

/** The version that holds strictly before this time. */
function holding(list: readonly Since[] | undefined, at: number): number {
  if (list === undefined) return 0;
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Since).at < at) low = middle + 1;
    else high = middle;
  }
  return list[low - 1]?.version ?? 0;
}
