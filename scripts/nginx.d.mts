type Nginx =
  { readonly path: string; readonly missing?: undefined } | { readonly missing: string; readonly path?: undefined };
export function findNginx(): Nginx;
export function provideNginx(): Nginx;
