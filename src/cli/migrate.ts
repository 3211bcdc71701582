import { parseArgs } from 'node:util';
import { migrations } from '../adapters/postgres/migrations.js';
import type { Command } from './surroundings.js';

export const migrate: Command = {
  usage: 'migrate --print [--schema <name>]   prints the SQL that postgres() needs in the database; runs nothing',
  help: `  --print           the SQL of every migration, each in a transaction of its own
  --schema <name>   where the tables are to be; default tidemark`,
  run: async (args) => {
    const options = { print: { type: 'boolean' }, schema: { type: 'string' } } as const;
    const { values } = parseArgs({ args, options });
    if (values.print !== true) throw new Error('migrate: expected --print; nothing is run by itself.');
    return { stdout: migrations({ schema: values.schema }).map(printed).join('\n'), exitCode: 0 };
  },
};

const printed = ({ version, name, sql }: ReturnType<typeof migrations>[number]): string =>
  `-- tidemark, migration ${String(version)}: ${name}. To be run once.\nbegin;\n\n${sql}\ncommit;\n`;
