import fc from 'fast-check';
import type { SubscriptionItem } from '../../src/watching.js';
import type { SubjectKey } from '../../src/contract.js';
import { fakeClock } from '../../src/testing/index.js';
import { type FakeBus, FakeServer } from './fake-bus.js';
import { A, B, C, type Iterator, type Replica, bytesOf, replica } from './setup.js';

/** Random lives of subscribers, and the oracle: what was published on each topic, in order. */

const TOPICS = [A, B, C] as const;
const REPLICAS = 2;
const SUBSCRIBERS = 3;

const topicsArbitrary = fc.subarray([...TOPICS], { minLength: 1 });
const replicaArbitrary = fc.nat(REPLICAS - 1);
const subscriberArbitrary = fc.nat(SUBSCRIBERS - 1);
const topicArbitrary = fc.constantFrom(...TOPICS);

const publish = fc.record({
  do: fc.constant('publish' as const),
  on: replicaArbitrary,
  topics: topicsArbitrary,
  /** Its marks are heard before its event is published, or after. */
  early: fc.boolean(),
});
/** A replica dies between bump and publication, or in the midst of it. */
const die = fc.record({ do: fc.constant('die' as const), topics: topicsArbitrary, reached: topicsArbitrary });
/** A replica finds that marks were lost. */
const marksLost = fc.record({ do: fc.constant('marks lost' as const), on: replicaArbitrary, topics: topicsArbitrary });
const join = fc.record({
  do: fc.constant('join' as const),
  on: replicaArbitrary,
  who: subscriberArbitrary,
  topics: topicsArbitrary,
  /** With the cursor it left with; otherwise it is somebody else from then on. */
  resume: fc.boolean(),
});
const leave = fc.record({ do: fc.constant('leave' as const), who: subscriberArbitrary });
const read = fc.record({
  do: fc.constant('read' as const),
  who: subscriberArbitrary,
  count: fc.integer({ min: 1, max: 4 }),
});
const settle = fc.record({ do: fc.constant('settle' as const) });
const hold = fc.record({ do: fc.constant('hold' as const), on: replicaArbitrary });
const deliver = fc.record({ do: fc.constant('deliver' as const), on: replicaArbitrary, topic: topicArbitrary });
const flow = fc.record({ do: fc.constant('flow' as const), on: replicaArbitrary });
const lose = fc.record({ do: fc.constant('lose' as const), on: replicaArbitrary, topic: topicArbitrary });
const gap = fc.record({ do: fc.constant('gap' as const), on: replicaArbitrary, topic: fc.option(topicArbitrary) });
const repeat = fc.record({ do: fc.constant('repeat' as const), on: replicaArbitrary, topic: topicArbitrary });
const wipe = fc.record({ do: fc.constant('wipe' as const), topics: topicsArbitrary });
const trim = fc.record({ do: fc.constant('trim' as const), topic: topicArbitrary, keep: fc.nat(2) });
const fail = fc.record({
  do: fc.constant('fail' as const),
  on: replicaArbitrary,
  verb: fc.constantFrom('read' as const, 'subscribe' as const),
});
const heal = fc.record({ do: fc.constant('heal' as const), on: replicaArbitrary });
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 999, 1000, 5000) });

const quick = [publish, publish, publish, join, leave, read, settle, hold, deliver, deliver, flow, lose, gap, repeat];
const broken = [wipe, trim, die, marksLost];
const slow = [fail, heal, wait];

export type Step = ReturnType<typeof stepArbitrary> extends fc.Arbitrary<infer S> ? S : never;

function stepArbitrary(kinds: { readonly breaking: boolean; readonly failing: boolean }) {
  return fc.oneof(...quick, ...(kinds.breaking ? broken : []), ...(kinds.failing ? slow : []));
}

export const steps = (kinds: Parameters<typeof stepArbitrary>[0]): fc.Arbitrary<Step[]> =>
  fc.array(stepArbitrary(kinds), { maxLength: 40, size: 'max' });

/** One logical subscriber, over all its connections. */
interface Life {
  readonly topics: readonly SubjectKey[];
  /** Events published before it began; who left without an item has nothing to come back with and begins again. */
  since: number;
  /** Replica that it is connected to. */
  on: Replica | undefined;
  /** Steps that it must be told of by a resync. */
  readonly owed: number[];
  readonly seen: (number | { readonly resync: string; readonly published: number })[];
  iterator: Iterator | undefined;
  cursor: string | undefined;
  pending: Promise<IteratorResult<SubscriptionItem>> | undefined;
}

export interface Check {
  readonly ringSize: number;
  /** True: every topic's order is kept, whatever its messages' ways. False: just no duplicate and no silent hole. */
  readonly ordered: boolean;
}

/** Runs the steps, mends everything, reads to the end, and returns what went wrong. */
export async function complaints(path: readonly Step[], check: Check): Promise<readonly string[]> {
  const run = new Run(check.ringSize);
  for (const step of path) await run.step(step);
  const lives = await run.end();
  return lives.flatMap((life) => faults(life, run.logs, check.ordered));
}

class Run {
  /** By topic, the numbers of its events, in order. */
  readonly logs = new Map<SubjectKey, number[]>(TOPICS.map((topic) => [topic, []]));
  readonly #clock = fakeClock();
  readonly #server = new FakeServer();
  readonly #buses: FakeBus[] = [];
  readonly #replicas: Replica[] = [];
  readonly #lives = new Set<Life>();
  readonly #slots: (Life | undefined)[] = [];
  #published = 0;

  constructor(ringSize: number) {
    for (let i = 0; i < REPLICAS; i++) {
      const bus = this.#server.connect();
      this.#buses.push(bus);
      this.#replicas.push(replica(bus, this.#clock, { ringSize }));
    }
  }

  async step(step: Step): Promise<void> {
    const bus = 'on' in step ? (this.#buses[step.on] as FakeBus) : undefined;
    switch (step.do) {
      case 'publish': {
        const number = ++this.#published;
        for (const topic of step.topics) this.logs.get(topic)?.push(number);
        if (step.early) this.#bump(number, step.topics);
        await this.#replicas[step.on]?.announce(step.topics, String(number));
        if (!step.early) this.#bump(number, step.topics);
        return;
      }
      case 'die': {
        const number = ++this.#published;
        this.#bump(number, step.topics);
        const lacking = step.topics.filter((topic) => !step.reached.includes(topic));
        const followed = lacking.filter((topic) =>
          [...this.#lives].some((life) => life.on && life.topics.includes(topic)),
        );
        for (const life of this.#lives)
          if (life.topics.some((topic) => followed.includes(topic))) life.owed.push(number);
        for (const topic of step.topics) {
          if (lacking.includes(topic)) continue;
          this.logs.get(topic)?.push(number);
          this.#server.append(topic, bytesOf(String(number), step.topics), `${String(number)}.0`);
        }
        return;
      }
      case 'marks lost': {
        const number = ++this.#published;
        const hub = this.#replicas[step.on] as Replica;
        for (const life of this.#lives)
          if (life.on === hub && life.topics.some((topic) => step.topics.includes(topic))) life.owed.push(number);
        hub.hub.lost(`epoch ${String(number)}`, (topic) => step.topics.includes(topic));
        return;
      }
      case 'join':
        return this.#join(step);
      case 'leave':
        return this.#leave(this.#slots[step.who]);
      case 'read':
        return this.#read(this.#slots[step.who], step.count);
      case 'settle':
        return this.#clock.advance(0);
      case 'wait':
        return this.#clock.advance(step.ms);
      case 'hold':
        (bus as FakeBus).flowing = false;
        return;
      case 'deliver':
        bus?.deliver(step.topic);
        return;
      case 'flow':
        return bus?.flow();
      case 'lose':
        return bus?.lose(step.topic);
      case 'gap':
        return bus?.gap(step.topic ?? undefined);
      case 'repeat': {
        const last = this.#server.log(step.topic).kept.at(-1);
        if (last !== undefined) bus?.push(step.topic, last);
        return;
      }
      case 'wipe':
        return this.#server.wipe(step.topics);
      case 'trim':
        return this.#server.trim(step.topic, step.keep);
      case 'fail':
        bus?.failing.add(step.verb);
        return;
      case 'heal':
        bus?.failing.clear();
        return;
    }
  }

  #bump(number: number, topics: readonly SubjectKey[]): void {
    for (const { hub } of this.#replicas) hub.bumped(String(number), topics);
  }

  /** Everything works again, everybody comes back and reads what there is. */
  async end(): Promise<readonly Life[]> {
    for (const bus of this.#buses) bus.failing.clear();
    for (const bus of this.#buses) bus.flow();
    await this.#clock.advance(20_000);
    for (const life of this.#lives) if (life.iterator === undefined) this.#connect(life, this.#replicas[0] as Replica);
    await this.#clock.advance(0);
    for (const bus of this.#buses) bus.gap();
    await this.#clock.advance(20_000);
    for (const life of this.#lives) await this.#read(life, Infinity);
    for (const { hub, errors } of this.#replicas) {
      await hub.close();
      errors.length = 0;
    }
    return [...this.#lives];
  }

  async #join({ on, who, topics, resume }: Extract<Step, { do: 'join' }>): Promise<void> {
    const before = this.#slots[who];
    await this.#leave(before);
    const hub = this.#replicas[on] as Replica;
    if (resume && before !== undefined) {
      this.#connect(before, hub);
      return;
    }
    const life: Life = {
      topics,
      since: this.#published,
      on: undefined,
      owed: [],
      seen: [],
      iterator: undefined,
      cursor: undefined,
      pending: undefined,
    };
    this.#connect(life, hub);
    this.#lives.add(life);
    this.#slots[who] = life;
  }

  #connect(life: Life, on: Replica): void {
    if (life.cursor === undefined) life.since = this.#published;
    life.on = on;
    life.iterator = on.subscribe(life.topics, { since: life.cursor });
  }

  async #leave(life: Life | undefined): Promise<void> {
    const pending = life?.pending;
    await life?.iterator?.return?.();
    if (life === undefined) return;
    life.pending = undefined;
    life.iterator = undefined;
    life.on = undefined;
    // A next() that was answered before return() is an item the client has.
    const result = await pending;
    if (result?.done === false) this.#see(life, result.value);
  }

  async #read(life: Life | undefined, count: number): Promise<void> {
    if (life?.iterator === undefined) return;
    for (let i = 0; i < count; i++) {
      life.pending ??= life.iterator.next();
      let result: IteratorResult<SubscriptionItem> | undefined;
      void life.pending.then((answer) => (result = answer));
      await this.#clock.advance(0);
      if (result === undefined || result.done === true) return;
      life.pending = undefined;
      this.#see(life, result.value);
    }
  }

  #see(life: Life, item: SubscriptionItem): void {
    life.cursor = item.cursor;
    if (item.kind === 'change') life.seen.push(Number(item.changeId));
    else if (item.kind === 'resync') life.seen.push({ resync: item.reason, published: this.#published });
  }
}

function faults({ topics, since, owed, seen }: Life, logs: Run['logs'], ordered: boolean): string[] {
  const found: string[] = [];
  const story = seen.map((entry) => (typeof entry === 'number' ? entry : `resync: ${entry.resync}`)).join(', ');
  const numbers = seen.filter((entry) => typeof entry === 'number');
  if (new Set(numbers).size < numbers.length) found.push(`seen twice: ${story}`);
  const excused = Math.max(since, ...seen.map((entry) => (typeof entry === 'number' ? 0 : entry.published)));
  for (const number of owed) {
    if (number > since && excused < number) found.push(`no resync for ${String(number)} in: ${story}`);
  }
  for (const topic of topics) {
    const log = logs.get(topic) ?? [];
    const missing = log.filter((number) => number > excused && !numbers.includes(number));
    if (missing.length > 0) found.push(`${topic}: ${missing.join()} missing at the end of: ${story}`);
    if (!ordered) continue;
    let last = 0;
    let resynced = since;
    for (const entry of seen) {
      if (typeof entry !== 'number') {
        resynced = Math.max(resynced, entry.published);
        continue;
      }
      if (!log.includes(entry)) continue;
      // What fell into a hole of this topic may still come over another one, after the resync.
      if (entry < last && entry > resynced) found.push(`${topic}: ${String(entry)} after ${String(last)} in: ${story}`);
      const hole = log.filter((number) => number > Math.max(last, resynced) && number < entry);
      if (hole.length > 0) found.push(`${topic}: ${hole.join()} missing before ${String(entry)} in: ${story}`);
      last = Math.max(last, entry);
    }
  }
  return found;
}
