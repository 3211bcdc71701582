/**
 * The loops over columns. Each is written out, four rows a turn: a loop that serves several operations, or calls a function
 * per row, is several times slower, and one of single rows a third.
 */

/** Numbers by row; or four times the same one, for all rows. */
export interface Operand {
  readonly numbers: Float64Array;
  /** How far to go on after four rows: 4, or 0 for a constant. */
  readonly step: 0 | 4;
}

export function constantOperand(number: number): Operand {
  return { numbers: new Float64Array(4).fill(number), step: 0 };
}

/** Writes what each of `left` makes with that of `right`, for the first `count` rows. False if a result is infinite or NaN. */
export type Fold = (left: Operand, right: Operand, out: Float64Array, count: number) => boolean;

/** The rows in which it holds. They are written to `out` from `from` on; gives how many. */
export interface Kept {
  /** Of the first `count`. */
  readonly all: (left: Operand, right: Operand, count: number, out: Int32Array, from: number) => number;
  /** Of the `count` that `rows` names. */
  readonly some: (
    ...given: [left: Operand, right: Operand, rows: Int32Array, count: number, out: Int32Array, from: number]
  ) => number;
}

/** A comparison of numbers, and its opposite. */
export interface Comparison {
  readonly holds: Kept;
  readonly fails: Kept;
  /** `a > b` is `b < a`. */
  readonly swapped: { readonly holds: boolean; readonly fails: boolean };
}

// `x - x` is 0 unless x is infinite or NaN; `+ 0` makes 0 of -0.

export const ADD: Fold = ({ numbers: a, step: p }, { numbers: b, step: q }, out, count) => {
  let odd = 0;
  let i = 0;
  let j = 0;
  let k = 0;
  for (; i + 3 < count; i += 4, j += p, k += q) {
    const w = (a[j] as number) + (b[k] as number) + 0;
    const x = (a[j + 1] as number) + (b[k + 1] as number) + 0;
    const y = (a[j + 2] as number) + (b[k + 2] as number) + 0;
    const z = (a[j + 3] as number) + (b[k + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++, j++, k++) {
    const w = (a[j] as number) + (b[k] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const SUBTRACT: Fold = ({ numbers: a, step: p }, { numbers: b, step: q }, out, count) => {
  let odd = 0;
  let i = 0;
  let j = 0;
  let k = 0;
  for (; i + 3 < count; i += 4, j += p, k += q) {
    const w = (a[j] as number) - (b[k] as number) + 0;
    const x = (a[j + 1] as number) - (b[k + 1] as number) + 0;
    const y = (a[j + 2] as number) - (b[k + 2] as number) + 0;
    const z = (a[j + 3] as number) - (b[k + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++, j++, k++) {
    const w = (a[j] as number) - (b[k] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const MULTIPLY: Fold = ({ numbers: a, step: p }, { numbers: b, step: q }, out, count) => {
  let odd = 0;
  let i = 0;
  let j = 0;
  let k = 0;
  for (; i + 3 < count; i += 4, j += p, k += q) {
    const w = (a[j] as number) * (b[k] as number) + 0;
    const x = (a[j + 1] as number) * (b[k + 1] as number) + 0;
    const y = (a[j + 2] as number) * (b[k + 2] as number) + 0;
    const z = (a[j + 3] as number) * (b[k + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++, j++, k++) {
    const w = (a[j] as number) * (b[k] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const DIVIDE: Fold = ({ numbers: a, step: p }, { numbers: b, step: q }, out, count) => {
  let odd = 0;
  let i = 0;
  let j = 0;
  let k = 0;
  for (; i + 3 < count; i += 4, j += p, k += q) {
    const w = (a[j] as number) / (b[k] as number) + 0;
    const x = (a[j + 1] as number) / (b[k + 1] as number) + 0;
    const y = (a[j + 2] as number) / (b[k + 2] as number) + 0;
    const z = (a[j + 3] as number) / (b[k + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++, j++, k++) {
    const w = (a[j] as number) / (b[k] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const REMAINDER: Fold = ({ numbers: a, step: p }, { numbers: b, step: q }, out, count) => {
  let odd = 0;
  let i = 0;
  let j = 0;
  let k = 0;
  for (; i + 3 < count; i += 4, j += p, k += q) {
    const w = ((a[j] as number) % (b[k] as number)) + 0;
    const x = ((a[j + 1] as number) % (b[k + 1] as number)) + 0;
    const y = ((a[j + 2] as number) % (b[k + 2] as number)) + 0;
    const z = ((a[j + 3] as number) % (b[k + 3] as number)) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++, j++, k++) {
    const w = ((a[j] as number) % (b[k] as number)) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

// Without a branch: every row is written, and the next one over it unless it holds. Which rows hold is not to be predicted.

const LESS: Kept = {
  all: ({ numbers: a, step: p }, { numbers: b, step: q }, count, out, from) => {
    let next = from;
    let i = 0;
    let j = 0;
    let k = 0;
    for (; i + 3 < count; i += 4, j += p, k += q) {
      out[next] = i;
      next += (a[j] as number) < (b[k] as number) ? 1 : 0;
      out[next] = i + 1;
      next += (a[j + 1] as number) < (b[k + 1] as number) ? 1 : 0;
      out[next] = i + 2;
      next += (a[j + 2] as number) < (b[k + 2] as number) ? 1 : 0;
      out[next] = i + 3;
      next += (a[j + 3] as number) < (b[k + 3] as number) ? 1 : 0;
    }
    for (; i < count; i++, j++, k++) {
      out[next] = i;
      next += (a[j] as number) < (b[k] as number) ? 1 : 0;
    }
    return next - from;
  },
  some: ({ numbers: a, step: p }, { numbers: b, step: q }, rows, count, out, from) => {
    const [ofA, ofB] = [maskOf(p), maskOf(q)];
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += (a[row & ofA] as number) < (b[row & ofB] as number) ? 1 : 0;
    }
    return next - from;
  },
};

const NOT_MORE: Kept = {
  all: ({ numbers: a, step: p }, { numbers: b, step: q }, count, out, from) => {
    let next = from;
    let i = 0;
    let j = 0;
    let k = 0;
    for (; i + 3 < count; i += 4, j += p, k += q) {
      out[next] = i;
      next += (a[j] as number) <= (b[k] as number) ? 1 : 0;
      out[next] = i + 1;
      next += (a[j + 1] as number) <= (b[k + 1] as number) ? 1 : 0;
      out[next] = i + 2;
      next += (a[j + 2] as number) <= (b[k + 2] as number) ? 1 : 0;
      out[next] = i + 3;
      next += (a[j + 3] as number) <= (b[k + 3] as number) ? 1 : 0;
    }
    for (; i < count; i++, j++, k++) {
      out[next] = i;
      next += (a[j] as number) <= (b[k] as number) ? 1 : 0;
    }
    return next - from;
  },
  some: ({ numbers: a, step: p }, { numbers: b, step: q }, rows, count, out, from) => {
    const [ofA, ofB] = [maskOf(p), maskOf(q)];
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += (a[row & ofA] as number) <= (b[row & ofB] as number) ? 1 : 0;
    }
    return next - from;
  },
};

const SAME: Kept = {
  all: ({ numbers: a, step: p }, { numbers: b, step: q }, count, out, from) => {
    let next = from;
    let i = 0;
    let j = 0;
    let k = 0;
    for (; i + 3 < count; i += 4, j += p, k += q) {
      out[next] = i;
      next += a[j] === b[k] ? 1 : 0;
      out[next] = i + 1;
      next += a[j + 1] === b[k + 1] ? 1 : 0;
      out[next] = i + 2;
      next += a[j + 2] === b[k + 2] ? 1 : 0;
      out[next] = i + 3;
      next += a[j + 3] === b[k + 3] ? 1 : 0;
    }
    for (; i < count; i++, j++, k++) {
      out[next] = i;
      next += a[j] === b[k] ? 1 : 0;
    }
    return next - from;
  },
  some: ({ numbers: a, step: p }, { numbers: b, step: q }, rows, count, out, from) => {
    const [ofA, ofB] = [maskOf(p), maskOf(q)];
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += a[row & ofA] === b[row & ofB] ? 1 : 0;
    }
    return next - from;
  },
};

const OTHER: Kept = {
  all: ({ numbers: a, step: p }, { numbers: b, step: q }, count, out, from) => {
    let next = from;
    let i = 0;
    let j = 0;
    let k = 0;
    for (; i + 3 < count; i += 4, j += p, k += q) {
      out[next] = i;
      next += a[j] !== b[k] ? 1 : 0;
      out[next] = i + 1;
      next += a[j + 1] !== b[k + 1] ? 1 : 0;
      out[next] = i + 2;
      next += a[j + 2] !== b[k + 2] ? 1 : 0;
      out[next] = i + 3;
      next += a[j + 3] !== b[k + 3] ? 1 : 0;
    }
    for (; i < count; i++, j++, k++) {
      out[next] = i;
      next += a[j] !== b[k] ? 1 : 0;
    }
    return next - from;
  },
  some: ({ numbers: a, step: p }, { numbers: b, step: q }, rows, count, out, from) => {
    const [ofA, ofB] = [maskOf(p), maskOf(q)];
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += a[row & ofA] !== b[row & ofB] ? 1 : 0;
    }
    return next - from;
  },
};

/** Of a row, where its number lies: at the row, or at 0 for a constant. */
function maskOf(step: 0 | 4): number {
  return step === 0 ? 0 : -1;
}

/** As a {@link Fold}, for the rows that `rows` names, by any function. */
export function foldSome(
  { numbers: a, step: p }: Operand,
  { numbers: b, step: q }: Operand,
  ...[out, rows, count, two]: [Float64Array, Int32Array, number, (a: number, b: number) => number]
): boolean {
  const [ofA, ofB] = [maskOf(p), maskOf(q)];
  let odd = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    const result = two(a[row & ofA] as number, b[row & ofB] as number) + 0;
    out[row] = result;
    odd += result - result;
  }
  return odd === 0;
}

const straight = { holds: false, fails: true } as const;
const swapped = { holds: true, fails: false } as const;
const either = { holds: false, fails: false } as const;

export const BELOW: Comparison = { holds: LESS, fails: NOT_MORE, swapped: straight };
export const ATMOST: Comparison = { holds: NOT_MORE, fails: LESS, swapped: straight };
export const ABOVE: Comparison = { holds: LESS, fails: NOT_MORE, swapped };
export const ATLEAST: Comparison = { holds: NOT_MORE, fails: LESS, swapped };
export const EQUAL: Comparison = { holds: SAME, fails: OTHER, swapped: either };
export const UNEQUAL: Comparison = { holds: OTHER, fails: SAME, swapped: either };
