import mitt from 'mitt';
import type { TidemarkError } from './errors.js';

/** What happens inside a tide, for logs, metrics and tests. Emitted synchronously; listeners must be quick. */
export interface TideEvents {
  /** A tier, the bus or a listener failed and the declared policy was followed; nothing was thrown at a caller. */
  error: { readonly error: TidemarkError | Error; readonly where: string };
  /** The origin was asked. */
  load: { readonly kind: string; readonly type: string; readonly branch: string; readonly count: number };
  /** A load's result was returned but not kept, because something it depends on changed while it ran. */
  doomed: { readonly kind: string; readonly type: string; readonly branch: string };
  /** A change was accepted by Marks; its subjects are stale. */
  change: { readonly changeId: string; readonly subjects: readonly string[] };
  /** Messages of a partition may have been lost; its marks are being read again. */
  gap: { readonly partition: number };
  /** The marks of a partition are trusted again. */
  trusted: { readonly partition: number };
  /** Calls to marks or store failed so often that they are not made for a while; or they succeed again. */
  outage: { readonly part: 'marks' | 'store'; readonly state: 'begun' | 'over' };
  /** A value was served although nothing says that it is current, since the origin failed and the reader allowed it. */
  stale: { readonly key: string; readonly ageMs: number };
  /** A change could not be written to the marks and waits; so many do. */
  queued: { readonly changeId: string; readonly waiting: number };
  /** A change that waited has been written; so many still wait. */
  sent: { readonly changeId: string; readonly waiting: number };
}

export type TideEventName = keyof TideEvents;
export type TideListener<Name extends TideEventName> = (event: TideEvents[Name]) => void;

export interface Events {
  /** Calls `listener` at every such event; returns the function that stops it. */
  on<Name extends TideEventName>(name: Name, listener: TideListener<Name>): () => void;
  emit<Name extends TideEventName>(name: Name, event: TideEvents[Name]): void;
}

/** Typed events on mitt. A listener that throws stops neither the others nor the tide: it becomes an `error` event. */
export function createEvents(): Events {
  const emitter = mitt<{ [Name in TideEventName]: TideEvents[Name] }>();
  const events: Events = {
    on: (name, listener) => {
      const contained: typeof listener = (event) => {
        try {
          listener(event);
        } catch (thrown) {
          // An error listener that throws has nobody left to tell.
          if (name !== 'error') events.emit('error', { error: asError(thrown), where: `a listener of '${name}'` });
        }
      };
      emitter.on(name, contained);
      return () => {
        emitter.off(name, contained);
      };
    },
    emit: (name, event) => {
      emitter.emit(name, event);
    },
  };
  return events;
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('a listener threw a value that is no Error', { cause: thrown });
}
