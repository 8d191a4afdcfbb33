/**
 * A date written by a format, as Python's `strftime` in the C locale: what `strftime_now` of chat templates promises.
 */

import type { CalendarTime } from '../base/clock.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

const pad = (value: number, length = 2): string => String(value).padStart(length, '0');
const shortName = (name: string): string => name.slice(0, 3);
const hour12 = ({ hour }: CalendarTime): number => ((hour + 11) % 12) + 1;

/** Days since 1 January, from 1: the days of whole months as the Gregorian calendar has them. */
function dayOfYear({ year, month, day }: CalendarTime): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return lengths.slice(0, month - 1).reduce((sum, length) => sum + length, day);
}

const LETTERS: Readonly<Record<string, (time: CalendarTime) => string>> = {
  Y: ({ year }) => String(year),
  y: ({ year }) => pad(year % 100),
  m: ({ month }) => pad(month),
  d: ({ day }) => pad(day),
  e: ({ day }) => String(day).padStart(2, ' '),
  j: (time) => pad(dayOfYear(time), 3),
  B: ({ month }) => MONTHS[month - 1]!,
  b: ({ month }) => shortName(MONTHS[month - 1]!),
  h: ({ month }) => shortName(MONTHS[month - 1]!),
  A: ({ weekday }) => WEEKDAYS[weekday]!,
  a: ({ weekday }) => shortName(WEEKDAYS[weekday]!),
  u: ({ weekday }) => String(weekday === 0 ? 7 : weekday),
  w: ({ weekday }) => String(weekday),
  H: ({ hour }) => pad(hour),
  I: (time) => pad(hour12(time)),
  M: ({ minute }) => pad(minute),
  S: ({ second }) => pad(second),
  p: ({ hour }) => (hour < 12 ? 'AM' : 'PM'),
  F: ({ year, month, day }) => `${year}-${pad(month)}-${pad(day)}`,
  D: ({ year, month, day }) => `${pad(month)}/${pad(day)}/${pad(year % 100)}`,
  T: ({ hour, minute, second }) => `${pad(hour)}:${pad(minute)}:${pad(second)}`,
  R: ({ hour, minute }) => `${pad(hour)}:${pad(minute)}`,
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

/** `%-d` and its like leave out leading zeros, as glibc does. Letters that are not known stay as they are. */
export function strftime(format: string, time: CalendarTime): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (whole, minus: string, letter: string) => {
    const write = LETTERS[letter];
    if (write === undefined) return whole;
    const written = write(time);
    return minus === '' ? written : written.replace(/^[0 ]+(?=.)/, '');
  });
}
