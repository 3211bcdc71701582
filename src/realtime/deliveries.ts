import type { Clock } from '../contract.js';
import type { ChangeItem, SubscriptionItem } from '../watching.js';
import type { Cursors } from './frames.js';
import type { Link } from './link.js';
import { plainChange, plainComputed } from './plain.js';
import { eventOf } from './wire.js';

/** Changes that both ends remember having told. */
const REMEMBERED = 256;

/** What there is to say of one subscription. Each is undefined if there is nothing. */
export interface Delivery {
  readonly key: string;
  /** That it is permitted, and from where on. */
  ready: string | undefined;
  item: SubscriptionItem | undefined;
  /** That it is over. */
  end: { readonly code: string; readonly message: string } | undefined;
  /** The item may not be sent now, for want of a permission. */
  isHeld(): boolean;
}

export interface DeliveriesOptions {
  readonly clock: Clock;
  readonly link: Link;
  /** Whether anything may be sent. */
  readonly isOpen: () => boolean;
  /** The item or the end of this one was sent. */
  readonly onSent: (delivery: Delivery) => void;
}

/**
 * What waits to be sent on one connection: of each subscription an item at most. Of those that have the same change it becomes
 * one frame; for those that have one that was sent before, its number.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  /** In the order in which there was something to say. */
  readonly #waiting = new Set<Delivery>();
  /** By event, the number of the frame. */
  readonly #sent = new Map<string, number>();
  #number = 0;
  #deferred = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
  }

  ready(delivery: Delivery, cursor: string): void {
    delivery.ready = cursor;
    this.#add(delivery);
  }

  item(delivery: Delivery, item: SubscriptionItem): void {
    delivery.item = item;
    this.#add(delivery);
  }

  end(delivery: Delivery, end: { readonly code: string; readonly message: string }): void {
    delivery.end = end;
    this.#add(delivery);
  }

  forget(delivery: Delivery): void {
    this.#waiting.delete(delivery);
  }

  close(): void {
    this.#waiting.clear();
  }

  /** Sends what waits, as far as the link takes it. */
  flush(): void {
    this.#deferred = false;
    const { isOpen, link, onSent } = this.#options;
    if (this.#waiting.size === 0 || link.isFull || !isOpen()) return;
    this.#sendReady();
    const groups = this.#groups();
    for (const delivery of this.#waiting) {
      if (link.isFull || !isOpen()) return;
      if (delivery.item !== undefined) {
        if (delivery.isHeld()) continue;
        const same = groups.get(groupOf(delivery)) ?? [delivery];
        this.#sendItem(delivery.item, same);
        for (const each of same) {
          each.item = undefined;
          if (each.end === undefined) this.#waiting.delete(each);
          onSent(each);
        }
      }
      const { end, key } = delivery;
      if (end === undefined || !isOpen()) continue;
      this.#waiting.delete(delivery);
      link.send({ kind: 'ended', key, ...end });
      onSent(delivery);
    }
  }

  /** What was held may be sent again. */
  resume(): void {
    if (this.#waiting.size > 0) this.#defer();
  }

  #add(delivery: Delivery): void {
    this.#waiting.add(delivery);
    this.#defer();
  }

  #defer(): void {
    if (this.#deferred || this.#options.link.isFull) return;
    this.#deferred = true;
    // What one change brings to several subscriptions comes in one turn.
    this.#options.clock.defer(() => {
      this.flush();
    });
  }

  #sendReady(): void {
    const on: [string, string][] = [];
    for (const delivery of this.#waiting) {
      if (delivery.ready === undefined) continue;
      on.push([delivery.key, delivery.ready]);
      delivery.ready = undefined;
      if (delivery.item === undefined && delivery.end === undefined) this.#waiting.delete(delivery);
    }
    if (on.length > 0) this.#options.link.send({ kind: 'subscribed', on: Object.fromEntries(on) });
  }

  /** Those whose items are one frame. */
  #groups(): ReadonlyMap<unknown, readonly Delivery[]> {
    const groups = new Map<unknown, Delivery[]>();
    for (const delivery of this.#waiting) {
      if (delivery.item === undefined || delivery.isHeld()) continue;
      const group = groupOf(delivery);
      const same = groups.get(group);
      if (same === undefined) groups.set(group, [delivery]);
      else same.push(delivery);
    }
    return groups;
  }

  #sendItem(item: SubscriptionItem, to: readonly Delivery[]): void {
    const { link } = this.#options;
    const on = Object.fromEntries(to.map(({ key, item: own = item }) => [key, own.cursor]));
    if (item.kind === 'computed') link.send({ kind: 'computed', computed: plainComputed(item), on });
    else if (item.kind === 'resync') {
      const { reason, dropped } = item;
      link.send({ kind: 'resync', reason, ...(dropped === undefined ? {} : { dropped }), on });
    } else this.#sendChange(item, on);
  }

  #sendChange(item: ChangeItem, on: Cursors): void {
    const { link } = this.#options;
    const event = eventOf(item);
    const sent = event === undefined ? undefined : this.#sent.get(event);
    if (sent !== undefined) {
      link.send({ kind: 'again', number: sent, on });
      return;
    }
    const number = ++this.#number;
    if (event !== undefined) this.#sent.set(event, number);
    const [oldest] = this.#sent;
    if (oldest !== undefined && oldest[1] <= number - REMEMBERED) this.#sent.delete(oldest[0]);
    link.send({ kind: 'change', number, change: plainChange(item), on });
  }
}

/** What is the same for items that are one frame. */
function groupOf({ item }: Delivery): unknown {
  if (item?.kind === 'change') return eventOf(item) ?? item;
  return item?.kind === 'resync' && item.dropped === undefined ? `resync ${item.reason}` : item;
}
