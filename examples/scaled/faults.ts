import { duration } from './words.ts';
import type { Answer, Sample } from './watch.ts';

export type FaultKind = 'bus' | 'client' | 'redis' | 'paused' | 'down';

/** Something that was done to the replicas, until it was undone. */
export interface Fault {
  readonly kind: FaultKind;
  /** Undefined: all of them. */
  readonly replica: number | undefined;
  readonly from: number;
  to: number | null;
}

interface Followed extends Fault {
  worstMs: number;
  silent: boolean;
}

const WORDS: Readonly<Record<FaultKind, { readonly of: string; readonly begun: string; readonly ended: string }>> = {
  bus: { of: 'The bus of replica', begun: 'is cut', ended: 'is mended' },
  client: { of: 'The client link of replica', begun: 'is cut', ended: 'is mended' },
  redis: { of: 'Redis', begun: 'is gone', ended: 'is back' },
  paused: { of: 'Replica', begun: 'stands still', ended: 'goes on' },
  down: { of: 'Replica', begun: 'is killed', ended: 'is back' },
};

/** What was done, how stale it made anybody, and how long after it was undone everybody was current again. */
export class Faults {
  readonly #all: Followed[] = [];
  /** Those of which it is to be seen what they come to. */
  readonly #following = new Set<Followed>();
  readonly #tell: (text: string) => void;

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  get all(): readonly Fault[] {
    return this.#all.map(({ kind, replica, from, to }) => ({ kind, replica, from, to }));
  }

  begin(kind: FaultKind, replica?: number): void {
    this.#all.push({ kind, replica, from: Date.now(), to: null, worstMs: 0, silent: false });
    this.#tell(`${named({ kind, replica })} ${WORDS[kind].begun}.`);
  }

  /** What follows of it is told once everybody concerned is current again. */
  end(kind: FaultKind, replica?: number): void {
    const fault = this.#all.find((one) => one.to === null && one.kind === kind && one.replica === replica);
    if (fault === undefined) return;
    fault.to = Date.now();
    this.#following.add(fault);
  }

  /** Judges by what replicas answer. `since`: older faults are forgotten. */
  look({ answers }: Sample, since: number): void {
    for (const fault of this.#all) {
      if (fault.to !== null && !this.#following.has(fault)) continue;
      const concerned = fault.replica === undefined ? answers : [answers[fault.replica - 1] ?? null];
      if (concerned.includes(null)) fault.silent = true;
      fault.worstMs = Math.max(fault.worstMs, ...concerned.map((answer) => answer?.staleMs ?? 0));
      const { to } = fault;
      // An answer that was asked for before it was undone proves nothing.
      const isOver = (answer: Answer | null) => to !== null && answer?.staleMs === 0 && answer.askedAt > to;
      if (!concerned.every(isOver)) continue;
      this.#following.delete(fault);
      this.#tell(outcome(fault, Math.max(...concerned.map((answer) => answer?.askedAt ?? 0))));
    }
    this.#all.splice(0, this.#all.findIndex(({ to }) => to === null || to > since) >>> 0);
  }
}

function outcome(fault: Followed, currentAt: number): string {
  const { kind, from, to, worstMs, silent } = fault;
  const stale = worstMs === 0 ? 'never stale' : `never more than ${duration(worstMs)} stale`;
  const silence = silent ? ', for a while without an answer' : '';
  const [whole, after] = [(to ?? currentAt) - from, currentAt - (to ?? currentAt)].map(duration);
  return `${named(fault)} ${WORDS[kind].ended} after ${String(whole)}: ${stale}${silence}, current ${String(after)} later.`;
}

function named({ kind, replica }: Pick<Fault, 'kind' | 'replica'>): string {
  return replica === undefined ? WORDS[kind].of : `${WORDS[kind].of} ${String(replica)}`;
}
