import { parseArgs } from 'node:util';
import { type Flags as WorldFlags, parseFlags as parseWorldFlags } from '../world/server/flags.ts';

export interface Flags extends WorldFlags {
  /** A cluster of three masters instead of one server. */
  readonly cluster: boolean;
  /** Begin with nobody reading and nobody editing. */
  readonly quiet: boolean;
}

export const USAGE =
  'npm run scaled -- [--cluster] [--quiet] [--port 4000] [--world earth|demo|guide|stress] [--seed 1]';

/** Throws an Error that says which flag is wrong and what was expected. */
export function parseFlags(args: readonly string[]): Flags {
  const flag = { type: 'boolean', default: false } as const;
  const { values, tokens } = parseArgs({
    args: [...args],
    options: { cluster: flag, quiet: flag },
    strict: false,
    tokens: true,
  });
  const own = new Set(tokens.flatMap((token) => (token.kind === 'option' && token.name in OWN ? [token.index] : [])));
  return {
    ...parseWorldFlags(args.filter((_, at) => !own.has(at))),
    cluster: values.cluster === true,
    quiet: values.quiet === true,
  };
}

const OWN = { cluster: true, quiet: true };
