import { Tally } from '../metrics.js';
import type { SubscriptionItem } from '../watching.js';

/** What the subscribers of one hub were given, counted. */
export class Given {
  readonly items = new Tally<'kind'>();
  readonly resyncs = new Tally<'reason'>();

  add(item: SubscriptionItem): void {
    this.items.add({ kind: item.kind });
    if (item.kind === 'resync') this.resyncs.add({ reason: item.reason });
  }
}
