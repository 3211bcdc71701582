import type {
  Bump,
  BumpRequest,
  Bus,
  BusListener,
  Fetch,
  Head,
  Marks,
  MarksWatcher,
  Store,
  SubjectKey,
} from '../../src/contract.js';
import { partitionOf } from '../../src/subject.js';
import { TidemarkError } from '../../src/errors.js';
import type { Connection, Told } from './connection.js';
import { type Transactions, bumpTogether, partitionRow, publishInTurn } from './postgres-server.js';
import type { Server } from './server.js';
import type { ServerRules } from './server-rules.js';
import type { Accepted } from './server-state.js';

/** What the history learns on the way; nothing of it changes what happens. */
export interface Overheard {
  /** The replica asks for a bump of these subjects, by partition. */
  bumping(groups: ReadonlyMap<number, ReadonlySet<SubjectKey>>, changeId: string): void;
  bumped(bump: Bump): void;
  /** Its watchers have been told, or know that they may have missed something. */
  heard(bump: Bump, accepted: Accepted): void;
  reconnected(server: Server): void;
  /** It watches the marks from here on. */
  watching(): void;
}

export interface Contracts {
  readonly store: Store;
  readonly marks: Marks;
  readonly bus: Bus;
}

export interface ContractsParts {
  readonly client: Connection;
  readonly subscriber: Connection;
  readonly partitions: number;
  readonly fetches: boolean;
  /** Null: the server is one like Redis. */
  readonly transactions: Transactions | null;
  readonly rules: ServerRules;
  readonly overheard: Overheard;
}

/** Store, marks and bus as one replica has them: every call over its client connection, every message over the other. */
export function contractsOver(parts: ContractsParts): Contracts {
  const store = storeOver(parts.client);
  const watchers = new Set<MarksWatcher>();
  const listeners = new Map<string, Set<BusListener>>();
  const told: Told = {
    bump: (bump, accepted) => {
      if (bump.partition >= parts.partitions) return; // a channel that it does not listen on
      for (const watcher of watchers) watcher.onBump(bump);
      if (watchers.size > 0) parts.overheard.heard(bump, accepted);
    },
    message: (topic, message) => {
      for (const listener of listeners.get(topic) ?? []) listener.onMessage(message);
    },
    lost: () => {
      if (!parts.rules.tellsOfLoss) return;
      for (const watcher of watchers) watcher.onGap(undefined);
      for (const each of listeners.values()) for (const listener of each) listener.onState?.('recovering');
    },
    again: (server) => {
      if (parts.rules.tellsOfLoss) for (const watcher of watchers) watcher.onGap(undefined);
      if (watchers.size > 0) parts.overheard.reconnected(server);
      for (const each of listeners.values()) for (const listener of each) listener.onGap();
      if (parts.transactions === null) return;
      for (const each of listeners.values()) for (const listener of each) listener.onState?.('live');
    },
  };
  parts.subscriber.listen(told);
  return { store, marks: marksOver(parts, store, watchers), bus: busOver(parts, listeners) };
}

function storeOver(client: Connection): Store {
  return {
    getMany: (keys) => client.call('getMany', (server) => server.getMany(keys)),
    setMany: (entries) => client.call('setMany', (server) => server.setMany(entries)),
    setIfAbsent: (key, value, ttlMs) => client.call('setIfAbsent', (server) => server.setIfAbsent(key, value, ttlMs)),
    setIfNewer: (key, value, version, ttlMs) =>
      client.call('setIfNewer', (server) => server.setIfNewer(key, value, version, ttlMs)),
    renewIf: (key, value, ttlMs) => client.call('renewIf', (server) => server.renewIf(key, value, ttlMs)),
    deleteIf: (key, value) => client.call('deleteIf', (server) => server.deleteIf(key, value)),
    deleteMany: (keys) => client.call('deleteMany', (server) => server.deleteMany(keys)),
    scan: async function* (glob) {
      yield await client.call('scan', (server) => server.keysLike(glob));
    },
    info: () =>
      client.call('info', () => ({
        pingMs: 1,
        memoryUsedBytes: null,
        memoryLimitBytes: null,
        policy: null,
        keyCountByType: {},
      })),
    close: async () => {},
  };
}

function marksOver(
  { client, subscriber, partitions, fetches, transactions, rules, overheard }: ContractsParts,
  store: Store,
  watchers: Set<MarksWatcher>,
): Marks {
  const checked =
    <T>(call: (server: Server) => T): ((server: Server) => T) =>
    (server) => {
      if (rules.comparesPartitions && server.partitions !== partitions) {
        const message = `partitions: expected ${String(server.partitions)}, as the store remembers, got ${String(partitions)}.`;
        throw new TidemarkError('INVALID_OPTION', message);
      }
      return call(server);
    };
  const bumpOne = async (partition: number, subjects: readonly SubjectKey[], request: BumpRequest): Promise<Bump> => {
    const bump = await client.call(
      `bump ${String(partition)}`,
      checked((server) => server.bump(partition, subjects, request)),
    );
    overheard.bumped(bump);
    return bump;
  };
  const fetch =
    (suffix: string): Fetch =>
    (keys, predicted, subjectsOf) => {
      const named = (value: Uint8Array): SubjectKey[] => subjectsOf(value).map((one) => (one + suffix) as SubjectKey);
      return client.call(
        'fetch',
        checked((server) => server.fetch(keys, predicted, { subjectsOf: named, partitions })),
      );
    };
  return {
    partitions,
    fetchFrom: (other, suffix = '') => (fetches && other === store ? fetch(suffix) : null),
    read: (subjects) =>
      client.call(
        'read',
        checked((server) => server.readMarks(subjects, partitions)),
      ),
    bump: async (subjects, request) => {
      const groups = new Map<number, Set<SubjectKey>>();
      for (const subject of subjects) {
        const of = rules.partitionFromCaller ? (subjects[0] as SubjectKey) : subject;
        const number = partitionOf(of, partitions);
        groups.set(number, (groups.get(number) ?? new Set()).add(subject));
      }
      overheard.bumping(groups, request.changeId);
      if (transactions !== null) {
        const bumps = await client.call<readonly Bump[]>(
          'bump',
          checked((server) => bumpTogether({ transactions, client, server }, groups, request)),
        );
        for (const bump of bumps) overheard.bumped(bump);
        return bumps;
      }
      const outcomes = await Promise.allSettled(
        [...groups].map(([number, group]) => bumpOne(number, [...group], request)),
      );
      const failure = outcomes.find((outcome) => outcome.status === 'rejected');
      const bumps = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      if (failure !== undefined && !(rules.acceptsPartialBumps && bumps.length > 0)) throw failure.reason;
      return bumps;
    },
    heads: () =>
      client.call(
        'heads',
        checked((server) => server.heads().slice(0, partitions)),
      ),
    newEpoch: (partition, ifEpoch) =>
      client.call(
        'newEpoch',
        checked((server) => {
          const begin = (): Head => server.newEpoch(partition, ifEpoch);
          return transactions === null ? begin() : transactions.run(client, [partitionRow(partition)], () => begin);
        }),
      ),
    watch: async (watcher) => {
      watchers.add(watcher);
      try {
        await subscriber.watch(checked(() => {}));
        overheard.watching();
      } catch (error) {
        watchers.delete(watcher);
        throw error;
      }
      return async () => {
        watchers.delete(watcher);
      };
    },
    close: async () => {},
  };
}

function busOver({ client, subscriber, transactions }: ContractsParts, listeners: Map<string, Set<BusListener>>): Bus {
  return {
    publish:
      transactions === null
        ? (topic, bytes, { id }) => client.call(`publish`, (server) => server.publish(topic, bytes, id))
        : publishInTurn(transactions, client),
    subscribe: async (topic, listener) => {
      const of = listeners.get(topic) ?? new Set<BusListener>();
      listeners.set(topic, of.add(listener));
      await subscriber.subscribe(topic);
      return async () => {
        of.delete(listener);
        if (of.size > 0) return;
        listeners.delete(topic);
        subscriber.unsubscribe(topic);
      };
    },
    read: (topic, since, limit) => client.call('history', (server) => server.history(topic, since, limit)),
    close: async () => {},
  };
}
