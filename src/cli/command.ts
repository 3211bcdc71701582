import { parseArgs } from 'node:util';
import { migrations } from '../adapters/postgres/migrations.js';
import { messageOf } from '../errors.js';

/** What a command comes to: the process's output, and its exit code. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

interface Command {
  readonly usage: string;
  /** Gives what to print. Throws for arguments that it does not understand. */
  run(args: string[]): string;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  migrate: {
    usage: 'migrate --print [--schema <name>]   prints the SQL that postgres() needs in the database; runs nothing',
    run: (args) => {
      const options = { print: { type: 'boolean' }, schema: { type: 'string' } } as const;
      const { values } = parseArgs({ args, options });
      if (values.print !== true) throw new Error('migrate: expected --print; nothing is run by itself.');
      return migrations({ schema: values.schema }).map(printed).join('\n');
    },
  },
};

const printed = ({ version, name, sql }: ReturnType<typeof migrations>[number]): string =>
  `-- tidemark, migration ${String(version)}: ${name}. To be run once.\nbegin;\n\n${sql}\ncommit;\n`;

const usage = (): string =>
  `Usage: tidemark <command>\n\n${lines(Object.values(COMMANDS).map((one) => `  ${one.usage}`))}`;
const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

/** Runs the command that the arguments name. Exit code 2: the arguments say nothing that there is. */
export function runCommand([name, ...args]: readonly string[]): Outcome {
  if (name === '--help' || name === '-h' || name === 'help') return { stdout: usage(), stderr: '', exitCode: 0 };
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const said = name === undefined ? 'expected a command.' : `there is no command '${name}'.`;
    return { stdout: '', stderr: `tidemark: ${said}\n\n${usage()}`, exitCode: 2 };
  }
  try {
    return { stdout: command.run(args), stderr: '', exitCode: 0 };
  } catch (error) {
    return { stdout: '', stderr: `tidemark: ${messageOf(error)}\n\n${usage()}`, exitCode: 2 };
  }
}
