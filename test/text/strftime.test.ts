import { describe, expect, it } from 'vitest';
import { calendarTime } from '../../src/base/clock.ts';
import { strftime } from '../../src/text/strftime.ts';

/** Thursday, 5 March 2026, 14:07:09. */
const MARCH = { year: 2026, month: 3, day: 5, weekday: 4, hour: 14, minute: 7, second: 9 };

// Written by Python 3.11's datetime.strftime in the C locale.
const EXPECTED: readonly (readonly [format: string, text: string])[] = [
  ['%d %b %Y', '05 Mar 2026'],
  ['%Y-%m-%d', '2026-03-05'],
  ['%B %-d, %Y', 'March 5, 2026'],
  ['%A, %a %u %w', 'Thursday, Thu 4 4'],
  ['%H:%M:%S', '14:07:09'],
  ['%I:%M %p, %-I', '02:07 PM, 2'],
  ['%F %T %D %R', '2026-03-05 14:07:09 03/05/26 14:07'],
  ['%j %-j %y %e|%-m', '064 64 26  5|3'],
  ['%h 100%% of%n%t', 'Mar 100% of\n\t'],
  ['no letters', 'no letters'],
];

describe('strftime', () => {
  it.each(EXPECTED)('writes %j as Python does', (format, text) => {
    expect(strftime(format, MARCH)).toBe(text);
  });

  it.each([
    [{ ...MARCH, month: 12, day: 31, weekday: 0, hour: 0 }, '%j %u %I %p', '365 7 12 AM'],
    [{ ...MARCH, year: 2024, month: 12, day: 31, hour: 12 }, '%j %I %p', '366 12 PM'],
    [{ ...MARCH, year: 1900, month: 12, day: 31, second: 0 }, '%j %y %-y %-S', '365 00 0 0'],
  ] as const)('knows the corners of the calendar: %j %j', (time, format, text) => {
    expect(strftime(format, time)).toBe(text);
  });

  it('takes the time in the zone of the process', () => {
    const noon = new Date(2026, 2, 5, 12, 30, 15).getTime() / 1000;
    expect(strftime('%A %F %T', calendarTime(noon))).toBe('Thursday 2026-03-05 12:30:15');
  });
});
