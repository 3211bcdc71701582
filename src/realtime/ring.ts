/**
 * The last `capacity` items by a local sequence that only this process knows: 0 for the first, never back. Positions of
 * the bus would not do, since they start again when a store is wiped.
 */
export class Ring<Item> {
  readonly #capacity: number;
  readonly #slots: Item[] = [];
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The sequence of the next item. */
  get next(): number {
    return this.#next;
  }

  /** The sequence of the oldest item still here; `next` if there is none. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#capacity);
  }

  push(item: Item): void {
    this.#slots[this.#next++ % this.#capacity] = item;
  }

  /** Undefined if the item has fallen off or has not come yet. */
  get(sequence: number): Item | undefined {
    return sequence < this.oldest || sequence >= this.#next ? undefined : this.#slots[sequence % this.#capacity];
  }
}
