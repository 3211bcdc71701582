/** Sets the wall clock of this process off by so many milliseconds, for everything loaded afterwards. */
export function shiftClock(ms) {
  if (ms === 0) return;
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...given) {
      if (given.length === 0) super(Real.now() + ms);
      else super(...given);
    }

    static now() {
      return Real.now() + ms;
    }
  };
}
