import { inTime, systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import type { Health } from '../../report.js';

/** What is needed of a tide. */
export interface ProbedTide {
  ready(): Promise<void>;
  health(): Promise<Health>;
}

export interface ProbeAnswer {
  readonly status: 200 | 503;
  readonly body: object;
}

/** Who waits for a start that takes long is told so, and asks again. */
const PATIENCE_MS = 1000;

/** The three questions that those who watch a process ask of it. */
export type Probe = 'live' | 'ready' | 'health';

/**
 * `live`: the process answers, whatever else is wrong. `ready`: it may be sent requests; not before `tide.ready()`, and not once it is
 * to stop. That a shared store is down is no reason: it is down for every replica, and reads go on from the origin. `health`: what
 * `tide.health()` says, and `down` once it is to stop; 503 for `down`. Whoever asks at once shares one answer.
 */
export class Probes {
  readonly #tide: ProbedTide;
  readonly #app: { readonly draining: boolean };
  readonly #clock: Clock;
  #readying: Promise<boolean> | null = null;
  #probing: Promise<Health> | null = null;

  constructor(tide: ProbedTide, app: { readonly draining: boolean }, clock: Clock = systemClock) {
    this.#tide = tide;
    this.#app = app;
    this.#clock = clock;
  }

  /** Never rejects. */
  async answer(probe: Probe): Promise<ProbeAnswer> {
    if (probe === 'live') return { status: 200, body: { status: 'alive' } };
    if (probe === 'health') {
      const health = toldBy(this.#app, await this.#health());
      return { status: health.status === 'down' ? 503 : 200, body: health };
    }
    const late = (): Error => new Error('not ready in time');
    const isReady = await inTime(this.#clock, PATIENCE_MS, () => this.#ready(), late).catch(() => false);
    if (this.#app.draining) return { status: 503, body: { status: 'stopping' } };
    return isReady ? { status: 200, body: { status: 'ready' } } : { status: 503, body: { status: 'starting' } };
  }

  #health(): Promise<Health> {
    this.#probing ??= this.#tide.health().finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  /** Asked again until it has once been so. */
  #ready(): Promise<boolean> {
    this.#readying ??= this.#tide.ready().then(
      () => true,
      () => {
        this.#readying = null;
        return false;
      },
    );
    return this.#readying;
  }
}

/** Health as an app tells it: who is to stop wants no more requests, whatever it is asked by. */
function toldBy({ draining }: { readonly draining: boolean }, health: Health): Health {
  return draining ? { ...health, status: 'down', issues: ['The app is shutting down.', ...health.issues] } : health;
}
