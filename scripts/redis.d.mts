export type FoundRedis =
  | { readonly paths: Readonly<Record<string, string>>; readonly missing?: undefined }
  | { readonly paths?: undefined; readonly missing: string };
export function findRedis(): FoundRedis;
export function provideRedis(): FoundRedis;
