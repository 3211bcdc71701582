import type { Receipt } from 'tidemark';
import type { Settlement, Structure, Tide, World } from './model.js';
import type { Written } from './rows.js';

// The names that a service of this kind has for what happens after a write, each one call: what goes stale and what is
// announced is read off the model, so that there is nothing left to do by hand.

type Changing = Pick<World, 'change'>;

/** A settlement was written: it, its kingdom's list, the places that it left and entered, and whatever read it, are stale. */
export const invalidateSettlementCascade = (
  world: Changing,
  { before, after }: Written<Settlement>,
  by: string | undefined,
): Promise<Receipt> => world.change({ type: 'settlement', id: after.id, op: 'update', before, after, by });

/** Whoever follows the settlement is told by the same call: it cannot be made stale and not announced. */
export const publishSettlementUpdated = invalidateSettlementCascade;

/** A structure was written: it, its settlement's list, and whatever read them. Other settlements' structures stay. */
export const invalidateStructureCascade = (
  world: Changing,
  { before, after }: Written<Structure>,
  by: string | undefined,
): Promise<Receipt> =>
  world.change({ type: 'structure', id: after.id, op: before === null ? 'create' : 'update', before, after, by });

export const publishStructureUpdated = invalidateStructureCascade;

/** Rules were written past `tide.rules`: computed fields of settlements are stale. `tide.rules.save` does it by itself. */
export const invalidateCampaignComputedFields = (tide: Tide, by: string | undefined): Promise<Receipt> =>
  tide.change({ subjects: [tide.subject.rules('settlement', 'all')], by });
