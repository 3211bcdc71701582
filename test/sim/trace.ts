import type { ReadRecord } from './history.js';

/** What a drawing needs of a run. */
export interface Message {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  readonly sent: number;
  readonly arrived: number;
}
export interface Span {
  readonly lane: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

export class Trace {
  readonly messages: Message[] = [];
  readonly ops: Span[] = [];
  readonly faults: Span[] = [];
  wrong: ReadRecord | undefined;

  message(what: string, from: string, to: string, sent: number, arrived: number): void {
    this.messages.push({ what, from, to, sent, arrived });
  }

  op(lane: string, label: string, from: number, to: number): void {
    this.ops.push({ lane, label, from, to });
  }

  fault(lane: string, label: string, from: number, to: number): void {
    this.faults.push({ lane, label, from, to });
  }
}
