import type { Marks } from 'tidemark';
import { messageOf } from './words.ts';
import type { Figures, Ready, Told } from './plan.ts';
import type { Tables } from '../world/data/tables.ts';
import type { Serving } from '../world/server/serve.ts';

const EVERY_MS = 250;

/** Tells the parent of a replica how it fares. Looks on only: nothing that the tide does goes through here changed. */
export class Report {
  #gaps = 0;
  #queued = 0;
  #failure: string | null = null;
  #checkedAt: number | null = null;
  readonly #doubted = new Set<number>();
  readonly #outage = new Set<'marks' | 'store'>();

  /** The same, with the times noted at which the marks were checked. */
  noting<Shared extends { readonly marks: Marks }>(shared: Shared): Shared {
    const { marks } = shared;
    const heads = async () => {
      const asked = performance.now();
      const found = await marks.heads();
      this.#checkedAt = asked;
      return found;
    };
    return { ...shared, marks: { ...marks, heads } };
  }

  readonly failed = (error: unknown): void => {
    this.#failure = messageOf(error);
  };

  begin({ tide, url }: Serving, tables: Tables): void {
    tide.on('gap', ({ partition }) => {
      this.#gaps++;
      this.#doubted.add(partition);
    });
    tide.on('trusted', ({ partition }) => this.#doubted.delete(partition));
    tide.on('outage', ({ part, state }) => (state === 'begun' ? this.#outage.add(part) : this.#outage.delete(part)));
    for (const name of ['queued', 'sent'] as const) tide.on(name, ({ waiting }) => (this.#queued = waiting));
    tell({ kind: 'ready', port: Number(new URL(url).port), ...rowsToWatch(tables) });
    setInterval(() => {
      const { hits, misses, tier2Hits, originCalls, tier1 } = tide.stats();
      const { entries } = tier1;
      tell({ kind: 'figures', hits, misses, tier2Hits, originCalls, entries, ...this.#state() });
    }, EVERY_MS);
  }

  #state(): Pick<Figures, 'gaps' | 'doubted' | 'queued' | 'outage' | 'checkedAgoMs' | 'failure'> {
    const checkedAgoMs = this.#checkedAt === null ? null : Math.round(performance.now() - this.#checkedAt);
    const [gaps, queued, failure] = [this.#gaps, this.#queued, this.#failure];
    return { gaps, queued, failure, checkedAgoMs, doubted: this.#doubted.size, outage: [...this.#outage] };
  }
}

/** The largest settlement, and what it may hang beneath. */
function rowsToWatch(tables: Tables): Omit<Ready, 'kind' | 'port'> {
  let watched: Ready['watched'] | undefined;
  for (const row of tables.all('settlement', 'main')) if (row.population > (watched?.population ?? -1)) watched = row;
  if (watched === undefined) throw new Error('The world has no settlement.');
  return { watched, campaigns: [...tables.all('campaign', 'main')], kingdoms: [...tables.all('kingdom', 'main')] };
}

function tell(told: Told): void {
  process.send?.(told);
}
