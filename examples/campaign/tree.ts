import type { World } from './model.ts';

/** The whole tree: a statement for each level and kind where it is cold, however much hangs on it, and none where it is warm. */
export async function campaignOf(world: World, id: string) {
  const campaign = await world.get('campaign', id);
  if (campaign === null) return null;
  const kingdoms = await world.children('kingdom', { campaign: id });
  return {
    ...campaign,
    kingdoms: await Promise.all(
      kingdoms.map(async (kingdom) => {
        const settlements = await world.children('settlement', { kingdom: kingdom.id });
        const all = settlements.map((settlement) => settlementOf(world, settlement.id));
        return { ...kingdom, settlements: await Promise.all(all) };
      }),
    ),
  };
}

/** With its computed fields, and what hangs on it. */
export async function settlementOf(world: World, id: string) {
  const [settlement, structures, variables, computed] = await Promise.all([
    world.get('settlement', id),
    world.children('structure', { settlement: id }),
    world.children('stateVariable', { settlement: id }),
    world.computed('settlement', id),
  ]);
  return settlement && { ...settlement, ...computed, structures, variables };
}
