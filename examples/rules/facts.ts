/**
 * What the operators of a world read: loaded before a rule is evaluated, in as many queries as that takes, so that nothing in a
 * rule waits for anything. A rule's `reads` say which of it a rule needs.
 */

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Facts {
  /** Milliseconds since 1970: the time is an input, so every replica computes the same. */
  readonly now?: number;
  readonly settlement?: SettlementFacts | null;
  readonly structure?: StructureFacts | null;
  /** Regions by id: the outer ring of each, without its last corner repeated. */
  readonly regions?: Readonly<Record<string, { readonly ring: readonly Place[] }>>;
  readonly locations?: Readonly<Record<string, Place>>;
}

export interface SettlementFacts {
  readonly level: number;
  readonly kingdomId: string;
  readonly locationId: string;
  readonly place: Place;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly structures: readonly { readonly type: string }[];
}

export interface StructureFacts {
  readonly level: number;
  readonly type: string;
  readonly operational: boolean;
  readonly settlementId: string;
  readonly variables: Readonly<Record<string, unknown>>;
}
