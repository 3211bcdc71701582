import { parseArgs } from 'node:util';
import type { WorldSize } from '../data/invented.ts';

export interface Flags {
  readonly port: number;
  readonly world: 'earth' | WorldSize;
  /** Of an invented world: the same seed, the same world. */
  readonly seed: number;
  /** Whether what Postgres holds gives way to this world. */
  readonly replace?: true;
}

export const USAGE = `npm start -- [--port 4000] [--world earth|demo|guide|stress] [--seed 1] [--replace]
With DATABASE_URL=postgres://… the world is put there, once, and served from there; --replace puts it there anew.`;
const WORLDS: readonly string[] = ['earth', 'demo', 'guide', 'stress'] satisfies Flags['world'][];

/** Throws an Error that says which flag is wrong and what was expected. */
export function parseFlags(args: readonly string[]): Flags {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { port: text, world: text, seed: text, replace: { type: 'boolean' } },
  });
  const { world = 'earth' } = values;
  if (!isWorld(world)) throw new Error(`--world: expected ${WORLDS.join(', ')}, got '${world}'.`);
  return {
    world,
    port: wholeNumber('--port', values.port ?? '4000', 65_535),
    seed: wholeNumber('--seed', values.seed ?? '1', 2 ** 31),
    ...(values.replace === true ? { replace: true } : {}),
  };
}

const isWorld = (text: string): text is Flags['world'] => WORLDS.includes(text);

function wholeNumber(flag: string, text: string, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= most) return value;
  throw new Error(`${flag}: expected a whole number from 0 to ${String(most)}, got '${text}'.`);
}
