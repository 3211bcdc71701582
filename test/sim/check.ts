import type { ReadRecord } from './history.js';

/** What is judged: P1 to P8 of DESIGN §2, strong reads (of P3) and honest receipts (of P6) by names of their own. */
export const PROMISES = ['P1', 'P2', 'P3', 'strong', 'P4', 'P6', 'receipt', 'P7', 'P8'] as const;
export type PromiseName = (typeof PROMISES)[number];

/** What a run found, and the read at which it shows, if it is one. */
export class Violation extends Error {
  readonly rule: PromiseName;
  readonly read: ReadRecord | undefined;

  constructor(rule: PromiseName, message: string, read?: ReadRecord) {
    super(`${rule}: ${message}`);
    this.rule = rule;
    this.read = read;
  }
}

export type Violated = (rule: PromiseName, message: string, read?: ReadRecord) => void;
