/**
 * The loops over columns. Each is written out, four rows a turn: a loop that serves several operations, or calls a function
 * per row, is several times slower, and one of single rows a third. `from` is where writing begins; the result is how many
 * rows were written.
 */

/** Writes what each of `a` makes with that of `b`, for the first `count` rows. False if a result is infinite or NaN. */
export type Fold = (a: Float64Array, b: Float64Array, out: Float64Array, count: number) => boolean;

/** The rows in which it holds: of the first `count`, or of those that `rows` names. */
export interface Kept {
  readonly all: (a: Float64Array, b: Float64Array, count: number, out: Int32Array, from: number) => number;
  readonly some: (
    ...given: [a: Float64Array, b: Float64Array, rows: Int32Array, count: number, out: Int32Array, from: number]
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

export const ADD: Fold = (a, b, out, count) => {
  let odd = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = (a[i] as number) + (b[i] as number) + 0;
    const x = (a[i + 1] as number) + (b[i + 1] as number) + 0;
    const y = (a[i + 2] as number) + (b[i + 2] as number) + 0;
    const z = (a[i + 3] as number) + (b[i + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++) {
    const w = (a[i] as number) + (b[i] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const SUBTRACT: Fold = (a, b, out, count) => {
  let odd = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = (a[i] as number) - (b[i] as number) + 0;
    const x = (a[i + 1] as number) - (b[i + 1] as number) + 0;
    const y = (a[i + 2] as number) - (b[i + 2] as number) + 0;
    const z = (a[i + 3] as number) - (b[i + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++) {
    const w = (a[i] as number) - (b[i] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const MULTIPLY: Fold = (a, b, out, count) => {
  let odd = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = (a[i] as number) * (b[i] as number) + 0;
    const x = (a[i + 1] as number) * (b[i + 1] as number) + 0;
    const y = (a[i + 2] as number) * (b[i + 2] as number) + 0;
    const z = (a[i + 3] as number) * (b[i + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++) {
    const w = (a[i] as number) * (b[i] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const DIVIDE: Fold = (a, b, out, count) => {
  let odd = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = (a[i] as number) / (b[i] as number) + 0;
    const x = (a[i + 1] as number) / (b[i + 1] as number) + 0;
    const y = (a[i + 2] as number) / (b[i + 2] as number) + 0;
    const z = (a[i + 3] as number) / (b[i + 3] as number) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++) {
    const w = (a[i] as number) / (b[i] as number) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

export const REMAINDER: Fold = (a, b, out, count) => {
  let odd = 0;
  let i = 0;
  for (; i + 3 < count; i += 4) {
    const w = ((a[i] as number) % (b[i] as number)) + 0;
    const x = ((a[i + 1] as number) % (b[i + 1] as number)) + 0;
    const y = ((a[i + 2] as number) % (b[i + 2] as number)) + 0;
    const z = ((a[i + 3] as number) % (b[i + 3] as number)) + 0;
    out[i] = w;
    out[i + 1] = x;
    out[i + 2] = y;
    out[i + 3] = z;
    odd += w - w + (x - x) + (y - y) + (z - z);
  }
  for (; i < count; i++) {
    const w = ((a[i] as number) % (b[i] as number)) + 0;
    out[i] = w;
    odd += w - w;
  }
  return odd === 0;
};

// Without a branch: every row is written, and the next one over it unless it holds. Which rows hold is not to be predicted.

const LESS: Kept = {
  all: (a, b, count, out, from) => {
    let next = from;
    let i = 0;
    for (; i + 3 < count; i += 4) {
      out[next] = i;
      next += (a[i] as number) < (b[i] as number) ? 1 : 0;
      out[next] = i + 1;
      next += (a[i + 1] as number) < (b[i + 1] as number) ? 1 : 0;
      out[next] = i + 2;
      next += (a[i + 2] as number) < (b[i + 2] as number) ? 1 : 0;
      out[next] = i + 3;
      next += (a[i + 3] as number) < (b[i + 3] as number) ? 1 : 0;
    }
    for (; i < count; i++) {
      out[next] = i;
      next += (a[i] as number) < (b[i] as number) ? 1 : 0;
    }
    return next - from;
  },
  some: (a, b, rows, count, out, from) => {
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += (a[row] as number) < (b[row] as number) ? 1 : 0;
    }
    return next - from;
  },
};

const NOT_MORE: Kept = {
  all: (a, b, count, out, from) => {
    let next = from;
    let i = 0;
    for (; i + 3 < count; i += 4) {
      out[next] = i;
      next += (a[i] as number) <= (b[i] as number) ? 1 : 0;
      out[next] = i + 1;
      next += (a[i + 1] as number) <= (b[i + 1] as number) ? 1 : 0;
      out[next] = i + 2;
      next += (a[i + 2] as number) <= (b[i + 2] as number) ? 1 : 0;
      out[next] = i + 3;
      next += (a[i + 3] as number) <= (b[i + 3] as number) ? 1 : 0;
    }
    for (; i < count; i++) {
      out[next] = i;
      next += (a[i] as number) <= (b[i] as number) ? 1 : 0;
    }
    return next - from;
  },
  some: (a, b, rows, count, out, from) => {
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += (a[row] as number) <= (b[row] as number) ? 1 : 0;
    }
    return next - from;
  },
};

const SAME: Kept = {
  all: (a, b, count, out, from) => {
    let next = from;
    let i = 0;
    for (; i + 3 < count; i += 4) {
      out[next] = i;
      next += a[i] === b[i] ? 1 : 0;
      out[next] = i + 1;
      next += a[i + 1] === b[i + 1] ? 1 : 0;
      out[next] = i + 2;
      next += a[i + 2] === b[i + 2] ? 1 : 0;
      out[next] = i + 3;
      next += a[i + 3] === b[i + 3] ? 1 : 0;
    }
    for (; i < count; i++) {
      out[next] = i;
      next += a[i] === b[i] ? 1 : 0;
    }
    return next - from;
  },
  some: (a, b, rows, count, out, from) => {
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += a[row] === b[row] ? 1 : 0;
    }
    return next - from;
  },
};

const OTHER: Kept = {
  all: (a, b, count, out, from) => {
    let next = from;
    let i = 0;
    for (; i + 3 < count; i += 4) {
      out[next] = i;
      next += a[i] !== b[i] ? 1 : 0;
      out[next] = i + 1;
      next += a[i + 1] !== b[i + 1] ? 1 : 0;
      out[next] = i + 2;
      next += a[i + 2] !== b[i + 2] ? 1 : 0;
      out[next] = i + 3;
      next += a[i + 3] !== b[i + 3] ? 1 : 0;
    }
    for (; i < count; i++) {
      out[next] = i;
      next += a[i] !== b[i] ? 1 : 0;
    }
    return next - from;
  },
  some: (a, b, rows, count, out, from) => {
    let next = from;
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      out[next] = row;
      next += a[row] !== b[row] ? 1 : 0;
    }
    return next - from;
  },
};

const straight = { holds: false, fails: true } as const;
const swapped = { holds: true, fails: false } as const;
const either = { holds: false, fails: false } as const;

export const BELOW: Comparison = { holds: LESS, fails: NOT_MORE, swapped: straight };
export const ATMOST: Comparison = { holds: NOT_MORE, fails: LESS, swapped: straight };
export const ABOVE: Comparison = { holds: LESS, fails: NOT_MORE, swapped };
export const ATLEAST: Comparison = { holds: NOT_MORE, fails: LESS, swapped };
export const EQUAL: Comparison = { holds: SAME, fails: OTHER, swapped: either };
export const UNEQUAL: Comparison = { holds: OTHER, fails: SAME, swapped: either };
