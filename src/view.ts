import type { View, ViewParams } from './api.js';
import { TidemarkError } from './errors.js';
import type { AnyModel } from './model.js';

/**
 * Declares a view: a named value derived from whatever its `load` reads. It is stale as soon as anything it read changes.
 * Throws INVALID_MODEL for a blank name. Define each view once: its name is part of its keys.
 *
 * @example
 * const tradeHubs = defineView(model)({
 *   name: 'tradeHubs',
 *   load: async (read, { kingdom }: { kingdom: string }) =>
 *     (await read.children('settlement', { kingdom })).filter((settlement) => settlement.level > 3),
 * });
 */
export function defineView<M extends AnyModel>(
  model: M,
): <Params extends ViewParams, Result>(view: View<M, Params, Result>) => View<M, Params, Result> {
  void model;
  return (view) => {
    if (typeof view.name !== 'string' || view.name.trim() === '') {
      throw new TidemarkError('INVALID_MODEL', `view: expected a name, got ${JSON.stringify(view.name)}.`);
    }
    return Object.freeze({ ...view });
  };
}
