import { createTables } from '../world/data/memory-tables.ts';
import type { Settlement } from '../world/model.ts';
import type { Ready } from './plan.ts';
import type { Replica } from './replicas.ts';
import { SharedTables } from './shared-tables.ts';

/** What one replica said of the watched city. */
export interface Answer {
  readonly askedAt: number;
  readonly version: number;
  /** For how long that had not been true any more when it was asked; 0 if it was true. */
  readonly staleMs: number;
}

/** One moment: the true version, and what each replica says; null for one that says nothing. */
export interface Sample {
  readonly at: number;
  readonly truth: number;
  readonly answers: readonly (Answer | null)[];
}

const EVERY_MS = 250;
const ASK_LIMIT_MS = 2_000;
/** An answer older than that is none. */
const OLDEST_MS = 1_250;
export const SAMPLES_KEPT = 180;

const QUERY = 'query Watch($id: ID!) { settlement(id: $id) { version } }';

/** Follows one city: asks every replica for it, past the balancer, and compares with the file of writes. */
export class Watch {
  readonly samples: Sample[] = [];
  readonly #replicas: readonly Replica[];
  readonly #id: string;
  readonly #truth: SharedTables;
  /** When each version came to be. */
  readonly #born = new Map<number, number>();
  readonly #latest = new Map<number, Answer>();
  readonly #asking = new Set<number>();
  readonly #taken: (sample: Sample) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    replicas: readonly Replica[],
    log: string,
    { campaigns, kingdoms, watched }: Ready,
    taken: (sample: Sample) => void,
  ) {
    this.#replicas = replicas;
    this.#id = watched.id;
    const rows = createTables()
      .add('campaign', campaigns)
      .add('kingdom', kingdoms)
      .add('settlement', [watched])
      .build();
    this.#truth = new SharedTables(rows, log, (command, outcome) => {
      if ('written' in outcome && command.id === watched.id && command.branch === 'main')
        this.#born.set(outcome.written.after.version, command.at);
    });
    this.#taken = taken;
  }

  begin(): void {
    this.#timer = setInterval(() => {
      this.#taken(this.#sample());
      for (const replica of this.#replicas) void this.#follow(replica);
    }, EVERY_MS);
  }

  /** As it truly is. */
  get city(): Settlement {
    const [row] = this.#truth.byIds('settlement', 'main', [this.#id]);
    return row as Settlement;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#truth.close();
  }

  /** Asks one replica; rejects if it does not answer. */
  async ask(port: number): Promise<Answer> {
    const truth = this.city.version;
    const askedAt = Date.now();
    const { settlement } = await query<{ settlement: { version: number } }>(port, QUERY, { id: this.#id });
    const { version } = settlement;
    const overtakenAt = this.#born.get(version + 1) ?? askedAt;
    return { askedAt, version, staleMs: version >= truth ? 0 : Math.max(0, askedAt - overtakenAt) };
  }

  /** How long each of these replicas takes to answer a version, asked again and again; undefined if too long. */
  async seen(
    version: number,
    replicas: readonly Replica[],
  ): Promise<readonly { readonly id: number; readonly afterMs: number | undefined }[]> {
    const begun = performance.now();
    return Promise.all(
      replicas.map(async ({ id, port }) => {
        while (port !== null && performance.now() - begun < SEEN_LIMIT_MS) {
          const answer = await this.ask(port).catch(() => undefined);
          if ((answer?.version ?? 0) >= version) return { id, afterMs: performance.now() - begun };
          await new Promise((resume) => setTimeout(resume, 20));
        }
        return { id, afterMs: undefined };
      }),
    );
  }

  #sample(): Sample {
    const at = Date.now();
    const answers = this.#replicas.map(({ id }) => {
      const latest = this.#latest.get(id);
      return latest === undefined || at - latest.askedAt > OLDEST_MS ? null : latest;
    });
    const sample = { at, truth: this.city.version, answers };
    this.samples.push(sample);
    if (this.samples.length > SAMPLES_KEPT) this.samples.shift();
    return sample;
  }

  async #follow({ id, port }: Replica): Promise<void> {
    if (port === null || this.#asking.has(id)) return;
    this.#asking.add(id);
    try {
      this.#latest.set(id, await this.ask(port));
    } catch {
      // It says nothing.
    } finally {
      this.#asking.delete(id);
    }
  }
}

const SEEN_LIMIT_MS = 10_000;

/** Asks a server of the world, as its cartographer. Rejects if it does not answer, or with an error. */
export async function query<Data>(
  port: number,
  text: string,
  { limitMs = ASK_LIMIT_MS, ...variables }: { readonly limitMs?: number; readonly [name: string]: unknown },
): Promise<Data> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer cartographer' },
    body: JSON.stringify({ query: text, variables }),
    signal: AbortSignal.timeout(limitMs),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: readonly { readonly message: string }[] };
  if (errors !== undefined) throw new Error(errors[0]?.message);
  return data;
}
