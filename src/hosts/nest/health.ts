import type { Health } from '../../report.js';
import { type ProbedTide, Probes } from '../http/probes.js';

/** A health indicator's result as Terminus takes it: `degraded` does not fail a check, `down` does. */
export type TidemarkHealthResult<Key extends string> = Record<Key, Health>;

export type TidemarkReadyResult<Key extends string> = Record<
  Key,
  { readonly status: 'up' | 'down'; readonly state: 'starting' | 'ready' | 'stopping' }
>;

/**
 * Health indicators for Terminus. Nothing of Terminus is needed for them: an app without has the same. They only read: any
 * number may ask at once.
 *
 * @example
 * ready() { return this.terminus.check([() => this.tidemark.ready('world')]); }
 */
export class TidemarkHealth {
  readonly #probes: Probes;

  constructor(tide: ProbedTide, app: { readonly draining: boolean }) {
    this.#probes = new Probes(tide, app);
  }

  /**
   * May requests be sent here: `down` until the tide is ready, and from the moment that the app is to stop. That a shared store is
   * down is no reason: reads go on from the origin. Never rejects.
   */
  async ready<const Key extends string = 'tidemark'>(key: Key = 'tidemark' as Key): Promise<TidemarkReadyResult<Key>> {
    const { status, body } = await this.#probes.answer('ready');
    const { status: state } = body as { readonly status: string };
    return { [key]: { status: status === 200 ? 'up' : 'down', state } } as TidemarkReadyResult<Key>;
  }

  /** What `tide.health()` says; `down` if marks or store cannot be reached, or the app is to stop. Never rejects. */
  async check<const Key extends string = 'tidemark'>(key: Key = 'tidemark' as Key): Promise<TidemarkHealthResult<Key>> {
    return { [key]: (await this.#probes.answer('health')).body } as TidemarkHealthResult<Key>;
  }
}
