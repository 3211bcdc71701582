import type { Clock, EphemeralTopics } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { keepListening } from './listening.js';
import {
  type About,
  type Question,
  ROLL_CALL,
  type Report,
  answersTo,
  decodePart,
  decodeQuestion,
  decodeReport,
  encodeQuestion,
  encodeReport,
} from './report-frames.js';
import { type OnError, pause, toError } from './retry.js';

export interface RollCallOptions {
  readonly topics: EphemeralTopics;
  readonly clock: Clock;
  /** 32 hex digits. */
  readonly newId: () => string;
  readonly onError: OnError;
  /** What this replica says of itself, within so many milliseconds. */
  readonly answer: (about: About, withinMs: number) => Promise<Report>;
}

export interface Heard extends Report {
  /** When, by this replica's clock. */
  readonly at: number;
}

export interface Roll {
  /** Of other replicas, by their ids. */
  readonly reports: readonly Heard[];
  /** Why they could not be asked; null if they could. */
  readonly unreachable: string | null;
}

/** Of the time that a question has, what an answer may take: the rest is for the way. */
const FOR_ANSWER = 0.75;

interface Asked {
  /** Fires when nothing is waited for any more. */
  readonly ending: AbortController;
  readonly reports: Map<string, Heard>;
  /** By replica and answer, what has come of reports that are not complete. */
  readonly parts: Map<string, Uint8Array[]>;
  /** The bus has carried the question back to here, and so to all who listen. */
  echoed: boolean;
  refused: string | null;
}

/**
 * All replicas on one bus, of which nobody knows how many there are: one asks, each that listens answers. Costs a
 * subscription while nobody asks.
 */
export class RollCall {
  readonly #options: RollCallOptions;
  readonly #ending = new AbortController();
  readonly #asked = new Map<string, Asked>();
  #listening: Promise<void> | undefined;
  #answers = 0;

  constructor(options: RollCallOptions) {
    this.#options = options;
  }

  /** Answers from now on. Resolves once the bus has taken that, or this is closed. */
  begin(): Promise<void> {
    this.#listening ??= this.#listen(ROLL_CALL, this.#ending.signal, (bytes) => {
      const question = decodeQuestion(bytes);
      const own = question === null ? undefined : this.#asked.get(question.id);
      if (own !== undefined) own.echoed = true;
      else if (question !== null) void this.#answer(question);
    });
    return this.#listening;
  }

  /** Resolves after `waitMs` with what was answered until then, at once if the bus refuses the question. Rejects with CLOSED. */
  async ask(about: About, waitMs: number): Promise<Roll> {
    const { clock, newId } = this.#options;
    const id = newId();
    const ending = new AbortController();
    const asked: Asked = { ending, reports: new Map(), parts: new Map(), echoed: false, refused: null };
    this.#asked.set(id, asked);
    void this.#send({ id, about, waitMs }, asked);
    await pause(waitMs, clock, ending.signal);
    ending.abort();
    this.#asked.delete(id);
    if (this.#ending.signal.aborted) throw new TidemarkError('CLOSED', 'tide.close() was called.');
    const reports = [...asked.reports.values()].sort((a, b) => (a.from < b.from ? -1 : 1));
    const silent = asked.echoed || reports.length > 0 ? null : `the bus was silent for ${String(waitMs)} ms.`;
    return { reports, unreachable: asked.refused ?? silent };
  }

  close(): void {
    this.#ending.abort();
    for (const { ending } of this.#asked.values()) ending.abort();
  }

  // ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────

  async #send({ id, about, waitMs }: Question, asked: Asked): Promise<void> {
    const { clock, topics } = this.#options;
    const { signal } = asked.ending;
    const until = clock.now() + waitMs;
    const hear = (bytes: Uint8Array): void => {
      const report = hearPart(asked, bytes);
      if (report !== null) asked.reports.set(report.from, { ...report, at: clock.now() });
    };
    await Promise.all([this.begin(), this.#listen(answersTo(id), signal, hear)]);
    if (signal.aborted) return;
    try {
      await topics.send(ROLL_CALL, encodeQuestion({ id, about, waitMs: Math.max(0, until - clock.now()) }));
    } catch (thrown) {
      asked.refused = toError(thrown).message;
      asked.ending.abort();
    }
  }

  #listen(topic: string, signal: AbortSignal, hear: (bytes: Uint8Array) => void): Promise<void> {
    const { topics, clock, onError } = this.#options;
    const where = `roll call on ${topic}`;
    const contained = (bytes: Uint8Array): void => {
      if (signal.aborted) return;
      try {
        hear(bytes);
      } catch (thrown) {
        onError(toError(thrown), where);
      }
    };
    return keepListening(topics, { topic, hear: contained }, { clock, onError, where, signal });
  }

  // ── Answering ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Never rejects. */
  async #answer({ id, about, waitMs }: Question): Promise<void> {
    const { answer, topics, onError } = this.#options;
    try {
      const report = await answer(about, waitMs * FOR_ANSWER);
      for (const part of encodeReport(report, ++this.#answers)) {
        if (this.#ending.signal.aborted) return;
        await topics.send(answersTo(id), part);
      }
    } catch (thrown) {
      onError(toError(thrown), 'roll call: answer');
    }
  }
}

/** The report that this part completes. Parts come in any order, and may come twice; the first whole report of a replica counts. */
function hearPart({ reports, parts }: Asked, bytes: Uint8Array): Report | null {
  const part = decodePart(bytes);
  if (part === null || reports.has(part.from)) return null;
  const { from, answer, at, of } = part;
  const key = `${from} ${answer} ${String(of)}`;
  const known = parts.get(key) ?? [];
  known[at] = part.bytes;
  parts.set(key, known);
  for (let i = 0; i < of; i++) if (known[i] === undefined) return null;
  parts.delete(key);
  return decodeReport(from, known);
}
