import type { Clock, Fetch, Marks, MarksRead, StoredValue, SubjectKey } from '../contract.js';
import type { Calls } from './calls.js';
import type { MarkCell, Reading } from './mark-cell.js';
import type { MarkCells } from './mark-cells.js';
import type { MarkWatch } from './mark-watch.js';

export interface MarkReadsOptions {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly calls: Calls;
  readonly cells: MarkCells;
  readonly watch: MarkWatch;
  readonly fetch: Fetch | null;
  readonly subjectsOf: (value: Uint8Array) => readonly SubjectKey[];
}

/** What goes out together at the end of a turn. */
interface Outgoing {
  readonly cells: Set<MarkCell>;
  readonly keys: Set<string>;
  readonly answer: Promise<ReadonlyMap<string, StoredValue>>;
}

/** Subjects per question. */
const CHUNK = 1000;

/** Asks the store for marks, and for values with them: what is asked for in one turn goes out as one question. */
export class MarkReads {
  readonly #options: MarkReadsOptions;
  #outgoing: Outgoing | null = null;

  constructor(options: MarkReadsOptions) {
    this.#options = options;
  }

  /** Joins what is sent at the end of this turn. Resolves with the values found once all of it is answered. */
  join(cells: readonly MarkCell[], keys: readonly string[]): Promise<ReadonlyMap<string, StoredValue>> {
    const outgoing = (this.#outgoing ??= this.#gather());
    for (const cell of cells) {
      if (outgoing.cells.has(cell)) continue;
      outgoing.cells.add(cell);
      this.#options.cells.pin(cell);
    }
    for (const key of keys) outgoing.keys.add(key);
    return outgoing.answer;
  }

  #gather(): Outgoing {
    const asked = { cells: new Set<MarkCell>(), keys: new Set<string>() };
    const end = new Promise<void>((resolve) => {
      this.#options.clock.defer(resolve);
    });
    const answer = end.then(async () => {
      this.#outgoing = null;
      const subjects = Array.from(asked.cells, ({ subject }) => subject);
      try {
        return await this.#ask(subjects, [...asked.keys]);
      } finally {
        for (const cell of asked.cells) this.#options.cells.unpin(cell);
      }
    });
    return { ...asked, answer };
  }

  async #ask(subjects: readonly SubjectKey[], keys: readonly string[]): Promise<ReadonlyMap<string, StoredValue>> {
    const { fetch, subjectsOf } = this.#options;
    const found = new Map<string, StoredValue>();
    const asking: Promise<void>[] = [];
    let at = 0;
    if (fetch !== null && keys.length > 0) {
      const first = subjects.slice(0, CHUNK);
      at = CHUNK;
      const fetching = this.#question('fetch', first, async () => {
        const { entries, ...marks } = await fetch(keys, first, subjectsOf);
        for (let i = 0; i < keys.length; i++) {
          const entry = entries[i];
          if (entry !== undefined) found.set(keys[i] as string, entry);
        }
        return marks;
      });
      asking.push(fetching);
    }
    for (; at < subjects.length; at += CHUNK) asking.push(this.read(subjects.slice(at, at + CHUNK)));
    await Promise.all(asking);
    return found;
  }

  /** Reads these at once. */
  read(subjects: readonly SubjectKey[]): Promise<void> {
    return this.#question('read', subjects, async () => ({ subjects, read: await this.#options.marks.read(subjects) }));
  }

  /** One question, and what its answer says of marks. */
  async #question(
    name: string,
    subjects: readonly SubjectKey[],
    call: () => Promise<{ readonly subjects: readonly SubjectKey[]; readonly read: MarksRead }>,
  ): Promise<void> {
    const { calls, cells, clock, watch } = this.#options;
    const sent = watch.sent();
    const reading: Reading = { serial: sent.serial, sentAt: sent.at };
    const tokens = cells.tokensOf(subjects);
    const answer = await calls.run(name, call);
    for (const head of answer.read.heads) watch.compare(head, sent);
    const answeredAt = clock.now();
    for (const partition of cells.accept(answer.subjects, answer.read, { reading, tokens, answeredAt })) {
      watch.lost(partition);
    }
  }
}
