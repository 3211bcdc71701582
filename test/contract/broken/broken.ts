/** What is wrong with a double, the case that must catch it, and the double. */
export type Broken<Fixture> = readonly [fault: string, caughtBy: string, make: () => Fixture];
