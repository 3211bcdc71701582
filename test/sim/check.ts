import type { ReadRecord } from './history.js';

/** What a run found, and the read at which it shows, if it is one. */
export class Violation extends Error {
  readonly rule: string;
  readonly read: ReadRecord | undefined;

  constructor(rule: string, message: string, read?: ReadRecord) {
    super(`${rule}: ${message}`);
    this.rule = rule;
    this.read = read;
  }
}

export type Violated = (rule: string, message: string, read?: ReadRecord) => void;
