import type { EntityName } from './model.js';

/*
 * What subscribers are promised, as somebody outside sees it who knows only which changes were made, when, and what each
 * subscriber was told. Moments count upward over everything that is written down.
 */

/** One change, which took effect or will. */
export interface Changed {
  readonly entity: EntityName;
  readonly version: number;
  readonly start: number;
  /** When `change()` had announced it everywhere; infinite where it could not. */
  announced: number;
}

/** What one subscription was told, with where it stood behind that. */
export type Told =
  /** It begins, and who follows it fetches what there is. */
  | { readonly kind: 'begun'; readonly at: number; readonly cursor: string }
  | { readonly kind: 'resync'; readonly at: number; readonly cursor: string; readonly reason: string }
  | {
      readonly kind: 'change';
      readonly at: number;
      readonly cursor: string;
      readonly entity: EntityName;
      readonly version: number;
    };

export interface Terms {
  readonly entities: readonly EntityName[];
  /** All of it has one order; else each entity has its own. */
  readonly ordered: boolean;
  /** The newest change of an entity stands for those before it. */
  readonly coalesced: boolean;
}

/** Everything that is wrong with what a subscription was told of these changes, which are over. */
export function judge(told: readonly Told[], changes: readonly Changed[], terms: Terms): string[] {
  return [...disorder(told, changes, terms), ...holes(told, changes, terms)];
}

/** What came twice, or after what follows it, without a `resync` between them. */
export function disorder(told: readonly Told[], changes: readonly Changed[], terms: Terms): string[] {
  const faults: string[] = [];
  const last = new Map<EntityName, number>();
  let latest: Changed | undefined;
  for (const item of told) {
    if (item.kind !== 'change') {
      last.clear();
      latest = undefined;
      continue;
    }
    const { entity, version } = item;
    const before = last.get(entity) ?? 0;
    if (version === before) faults.push(`${name(item)} was told twice`);
    else if (version < before) faults.push(`${name(item)} was told after ${name({ entity, version: before })}`);
    last.set(entity, version);
    const change = changes.find((one) => one.entity === entity && one.version === version);
    if (change === undefined) {
      faults.push(`${name(item)} was never made`);
      continue;
    }
    if (!terms.ordered || terms.coalesced) continue;
    if (latest !== undefined && change.announced < latest.start)
      faults.push(`${name(item)} was told after ${name(latest)}, which began when it had been announced`);
    if (latest === undefined || change.start > latest.start) latest = change;
  }
  return faults;
}

/** What is missing without a `resync` before the next that was told, or before the end. */
function holes(told: readonly Told[], changes: readonly Changed[], terms: Terms): string[] {
  const records = told.map((item) => (item.kind === 'change' ? recordOf(item, changes) : undefined));
  return changes.flatMap((change) => {
    const { entity, version, start, announced } = change;
    if (!terms.entities.includes(entity) || records.includes(change)) return [];
    const next = records.findIndex(
      (other) =>
        other !== undefined &&
        ((other.entity === entity && other.version > version) ||
          (terms.ordered && !terms.coalesced && other.start > announced)),
    );
    if (terms.coalesced && next >= 0) return [];
    const before = next < 0 ? told : told.slice(0, next);
    if (before.some((item) => item.kind !== 'change' && item.at > start)) return [];
    const follower = records[next];
    return [`${name(change)} is missing${follower === undefined ? ' at the end' : ` before ${name(follower)}`}`];
  });
}

const recordOf = (item: { readonly entity: EntityName; readonly version: number }, changes: readonly Changed[]) =>
  changes.find((one) => one.entity === item.entity && one.version === item.version);

export const name = ({ entity, version }: { readonly entity: EntityName; readonly version: number }): string =>
  `${entity}#${String(version)}`;

/** What was told, in a line. */
export const story = (told: readonly Told[]): string =>
  told
    .map((item) => (item.kind === 'change' ? name(item) : item.kind === 'begun' ? 'begun' : `(${item.reason})`))
    .join(' ');
