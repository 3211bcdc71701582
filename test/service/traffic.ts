import { setTimeout as pause } from 'node:timers/promises';
import type { Commit } from '../faults/database.js';
import { History } from '../faults/history.js';
import { now } from '../faults/time.js';
import type { Batch, Heard, Read, Seen } from '../faults/wire.js';
import { Client, type StreamEvent, follow } from './http.js';
import { type Circle, type Found, type Placed, Places } from './places.js';

/** A service that runs, whoever built it. */
export interface Service {
  /** One for each replica. */
  readonly urls: readonly string[];
  readonly campaigns: readonly string[];
  readonly settlements: readonly string[];
  /** Where they are at first. */
  readonly places: readonly Placed[];
  /** A campaign with all that is in it. */
  readonly campaignPath: (id: string) => string;
  /** A settlement, to read and to change. */
  readonly settlementPath: (id: string) => string;
  /** The settlements in a circle. */
  readonly nearPath: (circle: Circle) => string;
  readonly livePath: (settlements: readonly string[]) => string;
  /** The settlements in an answer. */
  readonly seenIn: (body: unknown) => Seen;
  /** What a stream tells of settlements. */
  readonly heardIn: (event: StreamEvent) => readonly Pick<Heard, 'id' | 'version' | 'reason'>[];
}

export interface Load {
  readonly readers: number;
  readonly readPauseMs: number;
  readonly writers: number;
  readonly writePauseMs: number;
}

export interface Measured {
  readonly history: History;
  /** Milliseconds, in order of size. */
  readonly nestedMs: readonly number[];
  readonly writeMs: readonly number[];
  readonly lagMs: readonly number[];
  readonly seconds: number;
}

/** How often a read names the receipt of a write, and wants it seen. */
const AFTER_SHARE = 0.1;
/** Reads before those that count: caches are filled, and code that runs often is compiled. */
const WARMING = 3000;
/** How often a read asks what is near, and a write moves a settlement to anywhere. */
const [NEAR_SHARE, MOVE_SHARE] = [0.2, 0.2];
const MAP = 1000;
/** How many circles there are to ask for, and how far each reaches. */
const [CIRCLES, RADIUS] = [8, 250];
/** What a follower may take to be told of the last write. */
const LAST_WORD_MS = 5000;

/** Reads, writes and follows for so long, all at once, and notes what everybody saw. */
export async function drive(service: Service, load: Load, forMs: number): Promise<Measured> {
  const traffic = new Traffic(service);
  await traffic.run(load, forMs);
  return traffic.measured();
}

/**
 * How long one nested read takes where nothing changes, of each service: one after the other, and each service in turn, so that what
 * else the machine does meets all alike. Milliseconds, in order of size.
 */
export async function warmReads(services: readonly Service[], count: number): Promise<readonly (readonly number[])[]> {
  const client = new Client();
  const ask = async ({ urls, campaigns, campaignPath }: Service, turn: number): Promise<number> => {
    const url = (urls[turn % urls.length] as string) + campaignPath(campaigns[turn % campaigns.length] as string);
    const began = now();
    return (await client.ask('GET', url)).at - began;
  };
  const all = services.map((): number[] => []);
  for (let turn = -WARMING; turn < count; turn++) {
    for (const [i, service] of services.entries()) {
      const ms = await ask(service, turn + WARMING);
      if (turn >= 0) all[i]?.push(ms);
    }
  }
  client.close();
  return all.map((one) => one.sort((x, y) => x - y));
}

interface Answered extends Found {
  readonly replica: number;
  readonly start: number;
  readonly end: number;
}
type Receipted = { readonly id: string; readonly version: number; readonly receipt: string };

class Traffic {
  readonly #service: Service;
  readonly #client = new Client();
  readonly #commits: Commit[] = [];
  readonly #history = new History(this.#commits);
  readonly #latest = new Map<string, Receipted>();
  readonly #places = new Places();
  readonly #circles: readonly Circle[];
  readonly #found: Answered[] = [];
  readonly #nestedMs: number[] = [];
  readonly #writeMs: number[] = [];
  readonly #lagMs: number[] = [];
  readonly #writtenAt = new Map<string, number>();
  #until = 0;
  #seconds = 0;

  constructor(service: Service) {
    this.#service = service;
    for (const placed of service.places) this.#places.note(placed, -Infinity);
    this.#circles = service.places.slice(0, CIRCLES).map(({ x, y }) => ({ x, y, radius: RADIUS }));
  }

  async run({ readers, readPauseMs, writers, writePauseMs }: Load, forMs: number): Promise<void> {
    const { urls, settlements } = this.#service;
    const ending = new AbortController();
    const following = urls.map((url, replica) => this.#follow(url, replica, ending.signal));
    const began = now();
    this.#until = began + forMs;
    const share = Math.ceil(settlements.length / writers);
    await Promise.all([
      ...times(readers, () => this.#whileOpen(readPauseMs, () => this.#read())),
      ...times(writers, (i) => {
        // Versions of one settlement follow each other where one writer has it for itself.
        const own = settlements.slice(i * share, (i + 1) * share);
        return this.#whileOpen(writePauseMs, (turn) => this.#write(own[turn % own.length] as string));
      }),
      ...following.map((one) => Promise.race([one.done, this.#whileOpen(50, () => Promise.resolve())])),
    ]);
    this.#seconds = (now() - began) / 1000;
    const until = now() + LAST_WORD_MS;
    while (now() < until && !following.every(({ heard }) => this.#isUpToDate(heard))) await pause(10);
    ending.abort();
    await Promise.all(following.map(({ done }) => done));
    this.#client.close();
  }

  measured(): Measured {
    for (const found of this.#found.splice(0)) this.#judgePlaces(found);
    const sorted = (all: readonly number[]): readonly number[] => [...all].sort((a, b) => a - b);
    return {
      history: this.#history,
      nestedMs: sorted(this.#nestedMs),
      writeMs: sorted(this.#writeMs),
      lagMs: sorted(this.#lagMs),
      seconds: this.#seconds,
    };
  }

  async #whileOpen(pauseMs: number, act: (turn: number) => Promise<void>): Promise<void> {
    for (let turn = 0; now() < this.#until; turn++) {
      await act(turn);
      await pause(pauseMs);
    }
  }

  async #read(): Promise<void> {
    if (Math.random() < NEAR_SHARE) {
      await this.#near(pick(this.#circles) as Circle);
      return;
    }
    const { campaigns, campaignPath, settlementPath, seenIn } = this.#service;
    const [url, replica] = this.#anyReplica();
    const receipted = Math.random() < AFTER_SHARE ? pick([...this.#latest.values()]) : undefined;
    const path = receipted === undefined ? campaignPath(pick(campaigns) as string) : settlementPath(receipted.id);
    const headers = receipted === undefined ? undefined : { 'x-after': receipted.receipt };
    const start = now();
    const read: Omit<Read, 'end' | 'seen' | 'error'> = {
      what: path,
      start,
      strong: false,
      ...(receipted === undefined ? {} : { after: [receipted.id, receipted.version] as const }),
    };
    try {
      const { status, body, at: end } = await this.#client.ask('GET', url + path, { headers });
      if (receipted === undefined) this.#nestedMs.push(end - start);
      const found = status === 200 ? { seen: seenIn(body) } : { error: `${String(status)} ${JSON.stringify(body)}` };
      this.#note(replica, { reads: [{ ...read, end, ...found }] });
    } catch (error) {
      this.#note(replica, { reads: [{ ...read, end: now(), error: String(error) }] });
    }
  }

  async #near(circle: Circle): Promise<void> {
    const [url, replica] = this.#anyReplica();
    const what = this.#service.nearPath(circle);
    const start = now();
    const read = { what, start, strong: false };
    try {
      const { status, body, at: end } = await this.#client.ask('GET', url + what);
      if (status !== 200) throw new Error(`${String(status)} ${JSON.stringify(body)}`);
      const placed = body as readonly Placed[];
      this.#found.push({ circle, placed, replica, start, end });
      this.#note(replica, { reads: [{ ...read, end, seen: placed.map((one) => [one.id, one.version]) }] });
    } catch (error) {
      this.#note(replica, { reads: [{ ...read, end: now(), error: String(error) }] });
    }
  }

  /** Once every write is known: what an answer left out was somewhere else, at some time that still counted. */
  #judgePlaces({ replica, start, end, ...found }: Answered): void {
    const what = `which are in ${this.#service.nearPath(found.circle)}`;
    const seen = this.#places.said(found, end).flatMap(([id, version]) => {
      if (version !== null) return [[id, version] as const];
      this.#history.complain(`${nameOf(replica)} told ${what}: wrong of ${id}, wherever it was until then.`);
      return [];
    });
    this.#note(replica, { reads: [{ what, start, end, strong: false, seen }] });
  }

  async #write(id: string): Promise<void> {
    const { settlementPath } = this.#service;
    const [url, replica] = this.#anyReplica();
    const start = now();
    try {
      const moved = Math.random() < MOVE_SHARE ? { x: Math.random() * MAP, y: Math.random() * MAP } : {};
      const body = { name: `${id} at ${start.toFixed(0)}`, ...moved };
      const answer = await this.#client.ask('PATCH', url + settlementPath(id), { body });
      const end = answer.at;
      if (answer.status !== 200)
        throw new Error(`PATCH ${id}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
      const placed = answer.body as Placed;
      const { version } = placed;
      this.#places.note(placed, start);
      this.#writeMs.push(end - start);
      this.#writtenAt.set(`${id}#${String(version)}`, end);
      // Committed at some time in between: nobody sees it before it was asked for.
      this.#commits.push({ id, version, at: start });
      const receipt = answer.headers['x-after'];
      if (typeof receipt === 'string') this.#latest.set(id, { id, version, receipt });
      this.#note(replica, { changes: [{ id, version, start, end, state: 'done' }] });
    } catch (error) {
      this.#history.complain(String(error));
    }
  }

  #follow(url: string, replica: number, signal: AbortSignal): Following {
    const { settlements, livePath, heardIn } = this.#service;
    const heard = new Map<string, number>();
    const onEvent = (event: StreamEvent): void => {
      const at = now();
      for (const one of heardIn(event)) {
        if (one.version !== null) {
          heard.set(one.id, one.version);
          const written = this.#writtenAt.get(`${one.id}#${String(one.version)}`);
          this.#lagMs.push(written === undefined ? 0 : Math.max(0, at - written));
        }
        const subscription = `${one.id} on ${nameOf(replica)}`;
        this.#note(replica, { heard: [{ ...one, at, subscription }] });
      }
    };
    const done = follow(url + livePath(settlements), onEvent, signal).catch((error: unknown) => {
      this.#history.complain(String(error));
    });
    return { heard, done };
  }

  #isUpToDate(heard: ReadonlyMap<string, number>): boolean {
    for (const [id, { version }] of this.#latest) if ((heard.get(id) ?? 0) < version) return false;
    return true;
  }

  #anyReplica(): readonly [url: string, replica: number] {
    const { urls } = this.#service;
    const replica = Math.floor(Math.random() * urls.length);
    return [urls[replica] as string, replica];
  }

  #note(replica: number, batch: Partial<Batch>): void {
    this.#history.add(nameOf(replica), { reads: [], changes: [], sent: [], heard: [], events: [], ...batch });
  }
}

interface Following {
  /** The last version told of each settlement. */
  readonly heard: ReadonlyMap<string, number>;
  readonly done: Promise<void>;
}

const nameOf = (replica: number): string => `replica ${String(replica + 1)}`;
const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(Math.random() * all.length)];
