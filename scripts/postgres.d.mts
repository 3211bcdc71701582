export type FoundPostgres =
  | { readonly paths: Readonly<Record<string, string>>; readonly missing?: undefined }
  | { readonly paths?: undefined; readonly missing: string };
export function findPostgres(): FoundPostgres;
export function providePostgres(): FoundPostgres;
