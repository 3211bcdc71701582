/** SQL with what its `$1`, `$2`, … stand for. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Collects values and names their places: nothing that a reader gave is ever part of the SQL itself. */
export interface Parameters {
  readonly values: readonly unknown[];
  /** `$n::type`; without a type, `$n` becomes what PostgreSQL compares it with. */
  add(value: unknown, type?: string): string;
}

export function parameters(): Parameters {
  const values: unknown[] = [];
  return {
    values,
    add(value, type) {
      const place = `$${String(values.push(value))}`;
      return type === undefined ? place : `${place}::${type}`;
    },
  };
}
