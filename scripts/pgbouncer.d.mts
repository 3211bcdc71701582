type Pgbouncer =
  { readonly path: string; readonly missing?: undefined } | { readonly missing: string; readonly path?: undefined };
export function findPgbouncer(): Pgbouncer;
export function providePgbouncer(): Pgbouncer;
