import type { Bump, Bus, EphemeralTopics, Marks, SubjectKey } from './contract.js';
import { escapePart, isPatterns } from './subject.js';

/**
 * Tides with different namespaces over shared clients: their subjects and topics get a last part of their own, which
 * `partitionOf` does not look at. A bump of another namespace still moves the partition's head.
 */
export function namespacedMarks(marks: Marks, namespace: string): Marks {
  const suffix = `:${escapePart(namespace)}`;
  const outward = (subject: SubjectKey): SubjectKey => (subject + suffix) as SubjectKey;
  const inward = (bump: Bump): Bump => {
    const mine = bump.subjects.filter((subject) => subject.endsWith(suffix));
    return {
      ...bump,
      subjects: mine.map(own),
      globs: mine.some(isPatterns) ? bump.globs : [],
    };
  };
  const own = (subject: SubjectKey): SubjectKey => subject.slice(0, -suffix.length) as SubjectKey;
  return {
    partitions: marks.partitions,
    fetchFrom: (store) => {
      const fetch = marks.fetchFrom?.(store, suffix);
      if (!fetch) return null;
      return async (keys, subjects, subjectsOf) => {
        const fetched = await fetch(keys, subjects.map(outward), subjectsOf);
        return { ...fetched, subjects: fetched.subjects.map(own) };
      };
    },
    read: (subjects) => marks.read(subjects.map(outward)),
    bump: async (subjects, request) => (await marks.bump(subjects.map(outward), request)).map(inward),
    heads: () => marks.heads(),
    newEpoch: (partition, ifEpoch) => marks.newEpoch(partition, ifEpoch),
    watch: (watcher) =>
      marks.watch({
        onBump: (bump) => {
          watcher.onBump(inward(bump));
        },
        onGap: (partition) => {
          watcher.onGap(partition);
        },
      }),
    close: () => marks.close(),
  };
}

export function namespacedBus(bus: Bus, namespace: string): Bus {
  const suffix = `:${escapePart(namespace)}`;
  return {
    publish: (topic, bytes, message) => bus.publish(topic + suffix, bytes, message),
    subscribe: (topic, listener) => bus.subscribe(topic + suffix, listener),
    read: (topic, since, limit) => bus.read(topic + suffix, since, limit),
    ephemeral: bus.ephemeral && within(bus.ephemeral, suffix),
    close: () => bus.close(),
  };
}

const within = (topics: EphemeralTopics, suffix: string): EphemeralTopics => ({
  send: (topic, bytes) => topics.send(topic + suffix, bytes),
  listen: (topic, onMessage) => topics.listen(topic + suffix, onMessage),
});
