import mitt from 'mitt';

interface Announcement<Item> {
  readonly serial: number;
  readonly item: Item;
}

export interface Announcer<Item> {
  /** Tells every listener of the topic, in the order of the calls, before the outermost call returns. */
  tell(topic: string, item: Item): void;
  /** Hears what is told from now on; returns the function that stops it, which may be called again. */
  listen(topic: string, hear: (item: Item) => void): () => void;
}

/**
 * Ordered announcements on mitt, which alone would let a listener that throws silence the next ones, would tell a
 * listener's own announcement to some before the one they are hearing, and would take the topic '*' for all topics.
 */
export function createAnnouncer<Item>(): Announcer<Item> {
  const emitter = mitt<Record<string, Announcement<Item>>>();
  const waiting: { readonly event: string; readonly announcement: Announcement<Item> }[] = [];
  let serial = 0;
  let telling = false;
  return {
    tell: (topic, item) => {
      waiting.push({ event: eventOf(topic), announcement: { serial: ++serial, item } });
      if (telling) return;
      telling = true;
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        emitter.emit(next.event, next.announcement);
      }
      telling = false;
    },
    listen: (topic, hear) => {
      const event = eventOf(topic);
      const since = serial;
      let listening = true;
      const handler = (announcement: Announcement<Item>): void => {
        if (!listening || announcement.serial <= since) return;
        try {
          hear(announcement.item);
        } catch {
          // Not ours to report: who listens contains its own errors. Others must hear all the same.
        }
      };
      emitter.on(event, handler);
      return () => {
        listening = false;
        emitter.off(event, handler);
        if (emitter.all.get(event)?.length === 0) emitter.all.delete(event);
      };
    },
  };
}

const eventOf = (topic: string): string => `:${topic}`;
