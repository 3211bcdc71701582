/** One case of a panel; of a distribution, its middle as `min` and its far end as `p90`. */
export interface PlottedRow {
  readonly name: string;
  readonly min: number;
  readonly p90: number;
  readonly ratio: number;
  readonly control?: boolean | undefined;
}
export interface PlottedGroup {
  readonly title: string;
  readonly unit: string;
  readonly operation: string;
  readonly reference: string;
  readonly rows: readonly PlottedRow[];
}
export function plot(plotted: { readonly title: string; readonly groups: readonly PlottedGroup[] }): string;
