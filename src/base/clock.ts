/** Time as an argument, so that the rooms which need it can be tested without waiting. */

export interface Clock {
  /** Milliseconds that only ever grow; for durations. The zero point means nothing. */
  monotonicMs(): number;
  /** Seconds since 1970-01-01 UTC, whole; for `created` fields. */
  unixSeconds(): number;
}

/** A moment as a calendar and a wall clock show it, in the time zone of the process. */
export type CalendarTime = {
  readonly year: number;
  /** 1 to 12 */
  readonly month: number;
  /** 1 to 31 */
  readonly day: number;
  /** 0 (Sunday) to 6 */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

export function calendarTime(unixSeconds: number): CalendarTime {
  const date = new Date(unixSeconds * 1000);
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    weekday: date.getDay(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
  };
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  unixSeconds: () => Math.floor(Date.now() / 1000),
};
