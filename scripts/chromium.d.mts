export type Found =
  { readonly path: string; readonly missing?: undefined } | { readonly path?: undefined; readonly missing: string };
export function findChromium(): Found;
export function provideChromium(): Found;
