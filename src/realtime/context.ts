import type { Aborts } from '../aborts.js';
import type { Receipt } from '../call.js';
import type { Bus, Clock, SubjectKey } from '../contract.js';
import type { Given } from './given.js';
import { GAP, type Hole } from './merge.js';
import type { Owed } from './owed.js';
import { type OnError, toError } from './retry.js';
import type { Revocations } from './revocations.js';
import { type Announcement, type Codec, type ParseId, decodeAnnouncement } from './wire.js';

/** What every part of a hub works with. */
export interface HubContext {
  readonly aborts: Aborts;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly codec: Codec;
  readonly ringSize: number;
  readonly parseId: ParseId | undefined;
  readonly onError: OnError;
  readonly owed: Owed;
  /** Undefined where permissions are never taken back. */
  readonly revocations: Revocations | undefined;
  /** Told of the marks of every event before anybody is told of the event; null: of changes that nobody knows. */
  readonly heard: (marks: Receipt['marks'] | null) => void;
  /** What subscribers were given. */
  readonly given: Given;
}

/** What a topic works with, whatever its messages say. */
export interface TopicContext<Content = Announcement, Key extends string = SubjectKey> {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly onError: OnError;
  /** What a message says, which the listeners are told next; a hole if it cannot be read. */
  readonly accept: (bytes: Uint8Array, topic: Key) => Content | Hole;
  /** The topic is done looking for what it missed; the listeners are told next. */
  readonly calmed?: ((topic: Key) => void) | undefined;
}

/** What the topics of a hub work with: its debts are settled before anybody is told. */
export function topicContextOf(context: HubContext): TopicContext {
  const { bus, clock, onError, owed } = context;
  return {
    bus,
    clock,
    onError,
    accept: (bytes, topic) => {
      const content = receive(bytes, topic, context);
      if (content.kind === 'event') owed.arrived(topic, content);
      else owed.waive(topic);
      return content;
    },
    calmed: (topic) => {
      owed.calmed(topic);
    },
  };
}

/** Messages per `read` of history. */
export const PAGE = 500;

/** What a message says, once the marks that it names are distrusted. A hole if it cannot be read. */
export function receive(bytes: Uint8Array, topic: SubjectKey, context: HubContext): Announcement | Hole {
  const { codec, heard, onError, parseId } = context;
  try {
    const announcement = decodeAnnouncement(bytes, codec, parseId);
    heard(announcement.marks);
    return announcement;
  } catch (thrown) {
    onError(toError(thrown), `decode a message of ${topic}`);
    return GAP;
  }
}
