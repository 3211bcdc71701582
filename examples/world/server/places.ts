import type { Kingdom, Settlement } from '../model.ts';
import { atMost } from './limits.ts';
import type { RequestContext } from './request.ts';

/** What is where: what somebody drew on the map, and what is under a pointer. */

interface Drawn {
  readonly polygon: readonly (readonly number[])[];
  readonly branch?: string | null;
  readonly limit?: number | null;
}
interface At {
  readonly lon: number;
  readonly lat: number;
  readonly branch?: string | null;
}

/** When an answer was first handed out: a held one is the very same object. */
const firstSeen = new WeakMap<object, number>();

function seen(answer: object, now: number): { readonly state: 'HIT' | 'MISS'; readonly ageMs: number } {
  const since = firstSeen.get(answer);
  if (since === undefined) firstSeen.set(answer, now);
  return { state: since === undefined ? 'MISS' : 'HIT', ageMs: now - (since ?? now) };
}

export const places = {
  drawn: async (_: unknown, { polygon, branch, limit }: Drawn, request: RequestContext) => {
    const here = request.in(branch);
    const answer: readonly Settlement[] = await here.scope.spatial.within('settlement', {
      polygon: { type: 'Polygon', coordinates: [polygon] },
      limit: atMost(5_000, limit, 500),
    });
    return { ...seen(answer, request.world.clock.now()), settlements: here.nodes<'settlement'>(answer) };
  },
  at: async (_: unknown, { lon, lat, branch }: At, request: RequestContext) => {
    const here = request.in(branch);
    const answer: readonly Kingdom[] = await here.scope.spatial.containing('kingdom', { point: { lon, lat } });
    return { ...seen(answer, request.world.clock.now()), kingdoms: here.nodes<'kingdom'>(answer) };
  },
};
