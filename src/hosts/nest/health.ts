import type { Tidemark } from '../../api.js';
import type { AnyModel } from '../../model.js';
import type { Health } from '../../report.js';
import { toldBy } from '../http/probes.js';

/** A health indicator's result as Terminus takes it: `degraded` does not fail a check, `down` does. */
export type TidemarkHealthResult<Key extends string> = Record<Key, Health>;

/**
 * A health indicator for Terminus. Nothing of Terminus is needed for it: an app without has the same.
 *
 * @example
 * check() { return this.health.check([() => this.tidemark.check('world')]); }
 */
export class TidemarkHealth {
  readonly #tide: Pick<Tidemark<AnyModel>, 'health'>;
  readonly #app: { readonly draining: boolean };

  constructor(tide: Pick<Tidemark<AnyModel>, 'health'>, app: { readonly draining: boolean }) {
    this.#tide = tide;
    this.#app = app;
  }

  /** `down` if marks or store cannot be reached, or the app is to stop. Reads only: any number may ask at once. Never rejects. */
  async check<const Key extends string = 'tidemark'>(key: Key = 'tidemark' as Key): Promise<TidemarkHealthResult<Key>> {
    return { [key]: toldBy(this.#app, await this.#tide.health()) } as TidemarkHealthResult<Key>;
  }
}
