/** Time as an argument, so that the rooms which need it can be tested without waiting. */

export interface Clock {
  /** Milliseconds that only ever grow; for durations. The zero point means nothing. */
  monotonicMs(): number;
  /** Seconds since 1970-01-01 UTC, whole; for `created` fields. */
  unixSeconds(): number;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  unixSeconds: () => Math.floor(Date.now() / 1000),
};
