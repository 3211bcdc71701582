/**
 * The loops over columns. Each is written out: a loop that calls a function per row, or serves several operations, is
 * several times slower. `rows` selects which rows, `count` how many it names.
 */

/** Writes to `out` and tells whether every result is finite. `+ 0` makes 0 of -0. */
export type Fold = (a: Float64Array, b: Float64Array, out: Float64Array, rows: Int32Array, count: number) => boolean;

export const ADD: Fold = (a, b, out, rows, count) => {
  let odd = 0; // stays 0 unless a result is infinite or NaN
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = (a[row] as number) + (b[row] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
};
export const SUBTRACT: Fold = (a, b, out, rows, count) => {
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = (a[row] as number) - (b[row] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
};
export const MULTIPLY: Fold = (a, b, out, rows, count) => {
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = (a[row] as number) * (b[row] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
};
export const DIVIDE: Fold = (a, b, out, rows, count) => {
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = (a[row] as number) / (b[row] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
};
export const REMAINDER: Fold = (a, b, out, rows, count) => {
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = ((a[row] as number) % (b[row] as number)) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
};

/** Rows where it holds go to `yes`, the others to `no` from `from` on; gives how many hold. */
export type Comparison = (
  a: Float64Array,
  b: Float64Array,
  rows: Int32Array,
  count: number,
  yes: Int32Array,
  no: Int32Array,
  from: number,
) => number;

// Both lists are written without a branch: which way a row goes is not to be predicted.
export const BELOW: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += (a[row] as number) < (b[row] as number) ? 1 : 0;
  }
  return held;
};
export const ATMOST: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += (a[row] as number) <= (b[row] as number) ? 1 : 0;
  }
  return held;
};
export const ABOVE: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += (a[row] as number) > (b[row] as number) ? 1 : 0;
  }
  return held;
};
export const ATLEAST: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += (a[row] as number) >= (b[row] as number) ? 1 : 0;
  }
  return held;
};
export const EQUAL: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += a[row] === b[row] ? 1 : 0;
  }
  return held;
};
export const UNEQUAL: Comparison = (a, b, rows, count, yes, no, from) => {
  let held = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    yes[held] = no[from + i - held] = row;
    held += a[row] !== b[row] ? 1 : 0;
  }
  return held;
};
