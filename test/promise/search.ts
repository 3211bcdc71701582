import type { Library } from '../plant.js';
import type { OpenGround } from './ground.js';
import { type Played, play } from './play.js';
import type { Clean } from './results.js';

export interface Search {
  readonly open: OpenGround;
  readonly first: number;
  readonly seeds: number;
  /** How many are played at once. */
  readonly atOnce: number;
  readonly library?: Library;
}

/** Plays seeds until something is wrong, which it gives; else what they came to. */
export async function search({ open, first, seeds, atOnce, library }: Search): Promise<Played | Clean> {
  const began = performance.now();
  const sum = { changes: 0, told: 0, resyncs: 0, cursors: 0 };
  let next = first;
  let wrong: Played | undefined;
  const playOn = async (): Promise<void> => {
    while (next < first + seeds && wrong === undefined) {
      const played = await play(next++, open, library);
      if (played.faults.length > 0) wrong ??= played;
      for (const name of ['changes', 'told', 'resyncs', 'cursors'] as const) sum[name] += played[name];
    }
  };
  await Promise.all(Array.from({ length: atOnce }, playOn));
  return wrong ?? { ...sum, seeds, seconds: Math.round((performance.now() - began) / 1000) };
}

/** What is to be read where something is wrong. */
export const reportOf = (found: Played | Clean): string => ('report' in found ? found.report : '');
