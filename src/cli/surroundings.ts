import type { Env } from '../config.js';
import type { Clock } from '../contract.js';

/** What a command knows of where it runs. */
export interface Surroundings {
  /** The project whose packages and modules are meant. */
  readonly cwd: string;
  /** Default: the process's. */
  readonly env?: Env | undefined;
  readonly clock: Clock;
  /** process.versions.node */
  readonly node: string;
  /** Of this machine, or of the container that the process is in. */
  readonly memoryBytes: number;
  /** Whether what is printed goes to somebody who sees colours. */
  readonly isTerminal: boolean;
}

/** What a command comes to: the process's output, and its exit code. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface Command {
  /** After 'tidemark ', with what it does. */
  readonly usage: string;
  /** What `--help` prints below the usage. */
  readonly help: string;
  /** Throws for arguments that it does not understand, and for what it cannot do without. */
  run(args: string[], surroundings: Surroundings): Promise<Omit<Outcome, 'stderr'>>;
}
