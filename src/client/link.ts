import type { ClientFrame, SubscribeFrame } from '../realtime/frames.js';

/** What there is to hear on a link. Nothing is told before `dial` has returned. */
export interface LinkEvents {
  /** One frame, as JSON. */
  readonly text: (json: string) => void;
  /** Something came: the server is there. */
  readonly sign: () => void;
  /** It is over. `code` is a close code, or the status of an answer; 0 if nobody said why. */
  readonly end: (code: number, reason: string) => void;
}

export interface Link {
  /** Absent where a link has what it was dialled with, and to change that is to dial again. */
  readonly send?: (frame: ClientFrame) => void;
  readonly close: () => void;
}

/** Opens a link to the server. */
export type Dial = (token: string | undefined, subscriptions: readonly SubscribeFrame[], events: LinkEvents) => Link;
