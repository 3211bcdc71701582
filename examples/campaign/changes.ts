import type { Receipt } from 'tidemark';
import type { Settlement, StateVariable, Structure, Tide, World } from './model.ts';
import type { Written } from './rows.ts';

// The names that a service of this kind has for what happens after a write, each one call: what goes stale and what is
// announced is read off the model, so that there is nothing left to do by hand. Call them right after the commit.

type Changing = Pick<World, 'change'>;
const opOf = ({ before }: Written<unknown>) => (before === null ? 'create' : 'update');

/** A settlement was written: it, its kingdom's list, the places that it left and entered, and whatever read it, are stale. */
export const invalidateSettlementCascade = (
  world: Changing,
  written: Written<Settlement>,
  by: string | undefined,
): Promise<Receipt> => world.change({ type: 'settlement', id: written.after.id, op: opOf(written), ...written, by });

/** Whoever follows the settlement is told by the same call: it cannot be made stale and not announced. */
export const publishSettlementUpdated = invalidateSettlementCascade;

/** A structure was written: it, its settlement's list, and whatever read them. Other settlements' structures stay. */
export const invalidateStructureCascade = (
  world: Changing,
  written: Written<Structure>,
  by: string | undefined,
): Promise<Receipt> => world.change({ type: 'structure', id: written.after.id, op: opOf(written), ...written, by });

export const publishStructureUpdated = invalidateStructureCascade;

/** A state variable was written: it, the list of its kingdom or settlement, and whatever read them. */
export const publishStateVariableUpdated = (
  world: Changing,
  written: Written<StateVariable>,
  by: string | undefined,
): Promise<Receipt> => world.change({ type: 'stateVariable', id: written.after.id, op: opOf(written), ...written, by });

/**
 * Rules were written past `tide.rules`: computed fields of settlements are stale. `tide.rules.save` does it by itself. Here all
 * campaigns obey the same rules; `rules.scopeOf` of a tide gives each its own, and the name of its scope in the place of 'all'.
 */
export const invalidateCampaignComputedFields = (tide: Tide, by: string | undefined): Promise<Receipt> =>
  tide.change({ subjects: [tide.subject.rules('settlement', 'all')], by });
