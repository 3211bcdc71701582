import { edit } from './actions.ts';
import { type Watch, query } from './watch.ts';

const READ_EVERY_MS = 125;
const EDIT_EVERY_MS = 2_000;

const AROUND = 'query Around($id: ID!) { settlement(id: $id) { id nearby(limit: 40) { id } } }';
const VISIT = `query Visit($id: ID!) {
  settlement(id: $id) { name population kingdom { name } structures { name } summary { population } }
}`;

/** People, as it were: they read around the watched city, and one of them edits it; all through the balancer. */
export class Traffic {
  visitors: boolean;
  editor: boolean;
  readonly #watch: Watch;
  #timers: readonly NodeJS.Timeout[] = [];
  #places: readonly string[] = [];

  constructor(watch: Watch, { quiet }: { readonly quiet: boolean }) {
    this.#watch = watch;
    this.visitors = !quiet;
    this.editor = !quiet;
  }

  begin(port: number): void {
    this.#timers = [
      setInterval(() => this.visitors && ignoringFailure(this.#read(port)), READ_EVERY_MS),
      setInterval(() => this.editor && ignoringFailure(edit(port, this.#watch)), EDIT_EVERY_MS),
    ];
  }

  close(): void {
    this.#timers.forEach(clearInterval);
  }

  async #read(port: number): Promise<void> {
    const { id } = this.#watch.city;
    if (this.#places.length === 0) {
      this.#places = [id];
      const { settlement } = await query<{ settlement: { nearby: { id: string }[] } }>(port, AROUND, { id });
      this.#places = [id, ...settlement.nearby.map((near) => near.id)];
    }
    const place = this.#places[Math.floor(Math.random() * this.#places.length)];
    await query(port, VISIT, { id: place });
  }
}

/** The page shows what becomes of each request. */
function ignoringFailure(asking: Promise<unknown>): void {
  asking.catch(() => undefined);
}
