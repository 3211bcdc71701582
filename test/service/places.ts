export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Circle extends Point {
  readonly radius: number;
}

/** A settlement as a service tells of it. */
export interface Placed extends Point {
  readonly id: string;
  readonly version: number;
}

/** An answer to what lies in a circle. */
export interface Found {
  readonly circle: Circle;
  readonly placed: readonly Placed[];
}

/** Where each settlement was, version by version, and since when it may have been there. */
export class Places {
  readonly #versions = new Map<string, { readonly at: number; readonly placed: Placed }[]>();

  /** From the beginning of the write on. */
  note(placed: Placed, at: number): void {
    const all = this.#versions.get(placed.id) ?? [];
    this.#versions.set(placed.id, all);
    all.push({ at, placed });
  }

  /**
   * What an answer says of each settlement: in the circle or not. Each stands for the newest version of which that was true when the read
   * ended; version null: it was true of none.
   */
  said({ circle, placed }: Found, end: number): readonly (readonly [id: string, version: number | null])[] {
    const ids = new Set(placed.map(({ id }) => id));
    return [...this.#versions].map(([id, versions]) => {
      const right = versions.filter(({ at, placed: one }) => at < end && isIn(circle, one) === ids.has(id));
      return [id, right.length === 0 ? null : Math.max(...right.map(({ placed: { version } }) => version))] as const;
    });
  }
}

const isIn = ({ x, y, radius }: Circle, place: Point): boolean => Math.hypot(place.x - x, place.y - y) <= radius;
