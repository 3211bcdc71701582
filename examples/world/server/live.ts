import type { Request, RequestHandler } from 'express';
import { type ChangeItem, type Clock, type Subject, type SubscriptionItem, TidemarkError } from 'tidemark';
import { principalOf } from './access.ts';
import { Refused, publicError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import { type World, checkedBranch, queried } from './request.ts';
import { figures } from './schema.ts';

const STATS_EVERY_MS = 1_000;
const HEARTBEAT_EVERY_MS = 15_000;
const EVERYTHING = ['kingdom', 'settlement', 'structure'] as const;

/**
 * Changes as they happen: `GET /live?branch=main&subject=settlement:7`, without a subject all of them. A client that
 * comes back with `Last-Event-ID` gets what it missed. Wherever that cannot be had, it is told to `resync`: to fetch
 * what it shows.
 */
export function live(world: World): RequestHandler {
  const { tide, clock } = world;
  return async (request, response) => {
    const principal = principalOf(request.headers);
    const branch = checkedBranch(queried(request, 'branch')[0]);
    const subjects = subjectsOf(world, request, branch);
    const cursors = cursorsOf(request, subjects.length);
    const stream = new EventStream(response, clock);
    const signal = AbortSignal.any([stream.signal, world.closing]);
    // The tide asks too, and again whenever an answer runs out; but once events flow, no status can say 403.
    for (const subject of subjects) {
      const allowed = await world.authorize(principal, subject, signal);
      if (allowed === false) throw new Refused('FORBIDDEN', `A ${principal.name} may not watch ${String(subject)}.`);
    }
    const scope = tide.scope({ branch, principal, signal });
    const subscriptions = subjects.map((subject, at) => scope.subscribe(subject, { since: cursors[at] }));

    stream.open();
    if (cursors.includes(undefined)) stream.send('resync', { reason: 'start' });
    const isNew = rememberingLast(1_000);
    const follow = async (items: AsyncIterable<SubscriptionItem>, at: number): Promise<void> => {
      for await (const item of items) {
        cursors[at] = item.cursor;
        const id = cursors.map((cursor) => cursor ?? NONE).join(SEPARATOR);
        if (item.kind === 'resync') stream.send('resync', { reason: item.reason }, id);
        else if (item.kind === 'computed') stream.send('computed', item, id);
        // What concerns several subjects comes once from each.
        else if (isNew(`${item.changeId} ${item.entityType} ${String(item.entityId)}`))
          stream.send('change', told(item), id);
        else stream.mark(id);
      }
    };
    const stop = [
      every(clock, HEARTBEAT_EVERY_MS, () => stream.beat()),
      every(clock, STATS_EVERY_MS, () => stream.send('stats', { ...figures(world), at: clock.wallNow() })),
    ];
    try {
      await Promise.all(subscriptions.map(follow));
    } catch (error) {
      const { status, code, message } = publicError(error);
      if (status === 500) world.report(error);
      stream.send('refused', { code, message });
    } finally {
      for (const end of stop) end();
      stream.end();
    }
  };
}

/** A change as clients see it. */
function told({ kind: _, cursor: __, ...change }: ChangeItem) {
  return change;
}

/** `subject=type:id`, as often as wanted, or `type=…&id=…`. An id may contain ':'. */
function subjectsOf({ tide }: World, request: Request, branch: string): readonly Subject[] {
  const named = queried(request, 'subject').map((text) => {
    const [type = '', ...id] = text.split(':');
    return subjectOf(type, id.join(':'));
  });
  const [type] = queried(request, 'type');
  if (type !== undefined) named.push(subjectOf(type, queried(request, 'id')[0]));
  return named.length > 0 ? named : EVERYTHING.map((every) => tide.subject.type(every, { branch }));

  function subjectOf(type: string, id: string | undefined): Subject {
    const known = (['campaign', ...EVERYTHING] as const).find((name) => name === type);
    if (known === undefined) throw new Refused('BAD_REQUEST', `subject: expected type:id, got type '${type}'.`);
    return id === undefined ? tide.subject.type(known, { branch }) : tide.subject.entity(known, id, { branch });
  }
}

// ── Several cursors as one ──────────────────────────────────────────────────────────────────────────────────────

const SEPARATOR = '.';
/** Stands for the cursor of a subject of which nothing has come yet. */
const NONE = '-';

/** The cursor of each subject: what the browser sends when it reconnects, or `?since=`. */
function cursorsOf(request: Request, count: number): (string | undefined)[] {
  const last = request.get('last-event-id') ?? queried(request, 'since')[0];
  if (last === undefined || last === '') return Array.from({ length: count }, () => undefined);
  const cursors = last.split(SEPARATOR).map((cursor) => (cursor === NONE ? undefined : cursor));
  if (cursors.length === count) return cursors;
  throw new TidemarkError('INVALID_CURSOR', `Last-Event-ID: expected the id of an event of the same subjects.`);
}

/** Tells whether a text is not among the last so many. */
function rememberingLast(count: number): (text: string) => boolean {
  const last = new Set<string>();
  return (text) => {
    if (last.has(text)) return false;
    last.add(text);
    for (const oldest of last) if (last.size > count) last.delete(oldest);
    return true;
  };
}

/** Returns what stops it. */
function every(clock: Clock, ms: number, run: () => void): () => void {
  let stop = clock.after(ms, again);
  function again(): void {
    stop = clock.after(ms, again);
    run();
  }
  return () => {
    stop();
  };
}
