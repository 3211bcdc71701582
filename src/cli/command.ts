import { messageOf } from '../errors.js';
import { doctor } from './doctor/index.js';
import { explain } from './explain.js';
import { migrate } from './migrate.js';
import type { Command, Outcome, Surroundings } from './surroundings.js';

const COMMANDS: Readonly<Record<string, Command>> = { doctor, explain, migrate };
const HELP = ['--help', '-h', 'help'];

const usage = (): string =>
  `Usage: tidemark <command>\n\n${lines(Object.values(COMMANDS).map((one) => `  ${one.usage}`))}\ntidemark <command> --help says more.\n`;
const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

/** Runs the command that the arguments name. Exit code 2: the arguments say nothing that there is, or what it takes is not there. */
export async function runCommand([name, ...args]: readonly string[], surroundings: Surroundings): Promise<Outcome> {
  if (name !== undefined && HELP.includes(name)) return { stdout: usage(), stderr: '', exitCode: 0 };
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const said = name === undefined ? 'expected a command.' : `there is no command '${name}'.`;
    return { stdout: '', stderr: `tidemark: ${said}\n\n${usage()}`, exitCode: 2 };
  }
  const ownUsage = `Usage: tidemark ${command.usage}\n\n${command.help}\n`;
  if (args.some((arg) => HELP.slice(0, 2).includes(arg))) return { stdout: ownUsage, stderr: '', exitCode: 0 };
  try {
    return { ...(await command.run(args, surroundings)), stderr: '' };
  } catch (error) {
    return { stdout: '', stderr: `tidemark: ${messageOf(error)}\n\n${ownUsage}`, exitCode: 2 };
  }
}
