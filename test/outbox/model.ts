import type { Pool } from 'pg';
import { type Origin, defineModel, entity } from '../../src/index.js';

export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly version: number;
}

export const model = defineModel({
  entities: {
    kingdom: entity<{ readonly id: string }>()({}),
    settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' }, version: 'version', announce: ['version'] }),
  },
});

/** Rows of the table `settlement` of a schema. */
export const originOf = (pool: Pool, schema: string): Origin<typeof model> => ({
  settlement: {
    byIds: async (ids) => {
      const select = `select id, kingdom_id as "kingdomId", version from ${schema}.settlement where id = any($1)`;
      return (await pool.query<Settlement>(select, [ids])).rows;
    },
  },
});

/** Of both sides with the servers: the machine may be busy with other tests. */
export const PATIENCE_MS = 20_000;

/** The awaited steps of a write, in their order. */
export const STEPS = ['begin', 'update', 'add', 'commit', 'committed', 'bump', 'publish', 'remove'] as const;
export type StepName = (typeof STEPS)[number];
/** Before it is asked for; once it is on its way, its answer not yet here; once that is here. */
export const MOMENTS = ['before', 'during', 'after'] as const;

/** Where a writer is killed. */
export interface Death {
  readonly step: StepName;
  readonly moment: (typeof MOMENTS)[number];
  /** Of a step that is made several times, the how manieth, from 1. */
  readonly nth: number;
  /** `during`: so long after it was asked for. */
  readonly afterMs: number;
}

/** What a writer is told. */
export interface Errand {
  readonly database: string;
  readonly schema: string;
  /** Where marks, store and bus are; null: in the database too. */
  readonly redis: { readonly url: string; readonly prefix: string } | null;
  readonly id: string;
  readonly death: Death;
}
