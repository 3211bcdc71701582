/** What a subscriber hears: a change, by its number, or that some may be missing, up to the last one published by then. */
export type Heard = { readonly change: number } | { readonly resync: number };

export interface Due {
  /** Everything that was published of what it follows, by number. */
  readonly numbers: readonly number[];
  /** The last that was published when it began. */
  readonly from: number;
  /** Where the last that is due has to be there too. */
  readonly whole: boolean;
  /** Whether another may stand for this one. Default: none does. */
  readonly hasSubstitute?: (number: number) => boolean;
}

/** What came out of order or twice, and what is missing without a word. */
export function faultsOf(
  heard: readonly Heard[],
  { numbers, from, whole, hasSubstitute = () => false }: Due,
): string[] {
  const faults: string[] = [];
  const words = heard.map((one) => ('change' in one ? one.change : `resync(${String(one.resync)})`));
  const story = `${String(from)}: ${words.join()}`;
  let last = 0;
  let excused = from;
  for (const one of heard) {
    if ('resync' in one) {
      excused = Math.max(excused, one.resync);
      continue;
    }
    const { change } = one;
    if (change <= last) faults.push(`${String(change)} after ${String(last)} in ${story}`);
    const known = Math.max(last, excused);
    const missing = numbers.filter((number) => number > known && number < change && !hasSubstitute(number));
    if (missing.length > 0) faults.push(`${missing.join()} missing before ${String(change)} in ${story}`);
    last = Math.max(last, change);
  }
  const end = numbers.at(-1) ?? 0;
  if (whole && end > Math.max(last, excused)) faults.push(`${String(end)} missing at the end of ${story}`);
  return faults;
}
