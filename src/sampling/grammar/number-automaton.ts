/**
 * Decimal numbers between bounds, or that are multiples of another, as automata over their digits: without exponent,
 * without leading zeros, with a bounded number of digits. Bounds are compared digit by digit while the number is
 * written; a multiple is known by its remainder.
 */

import { FRACTION_DIGITS_MAX, INTEGER_DIGITS_MAX } from './json-rules.ts';
import { both } from './text-algebra.ts';
import { type Deterministic, explored } from './text-automaton.ts';

export type Bound = { readonly value: number; readonly isExclusive: boolean };

export type NumberDemands = {
  readonly isInteger: boolean;
  readonly low: Bound | null;
  readonly high: Bound | null;
  readonly multiplesOf: readonly number[];
};

/** Digits of a number that is a multiple: more would need a state for each remainder and each digit. */
const MULTIPLE_DIGITS_MAX = 15;

/** How many remainders a multiple of `value` has to be told from: its digits, without the point. */
export function remainderCount(value: number): number {
  const { whole, fraction } = decimalOf(value);
  return Number(whole + fraction);
}

/** @throws ServerError when it needs too many states. */
export function numberAutomaton(demands: NumberDemands): Deterministic {
  const [first, ...others] = demands.multiplesOf;
  let automaton = writtenNumbers(demands, first ?? null);
  for (const other of others) automaton = both(automaton, writtenNumbers(demands, other));
  return automaton;
}

/** A number without sign: its digits, without zeros at either outer end. */
type Decimal = { readonly whole: string; readonly fraction: string };

/** @param value finite, not negative. */
function decimalOf(value: number): Decimal {
  // As written: large whole numbers would be rounded to what tells them from their neighbours.
  const [mantissa, exponent] = String(Number.isInteger(value) ? BigInt(value) : value).split('e');
  const [whole, fraction] = mantissa!.split('.');
  const digits = whole! + (fraction ?? '');
  const point = whole!.length + Number(exponent ?? 0);
  const padded = digits.padEnd(point, '0').padStart(digits.length - Math.min(point - 1, 0), '0');
  const cut = Math.max(point, 1);
  return {
    whole: padded.slice(0, cut).replace(/^0+(?=\d)/, ''),
    fraction: padded.slice(cut).replace(/0+$/, ''),
  };
}

/** What a magnitude may be: between two decimals, either of them missing. */
type Interval = { readonly low: DecimalBound | null; readonly high: DecimalBound | null };
type DecimalBound = Decimal & { readonly isExclusive: boolean };

const decimalBound = ({ value, isExclusive }: Bound): DecimalBound => ({
  ...decimalOf(Math.abs(value)),
  isExclusive,
});

/** @returns null when no such number has this sign. */
function magnitudes({ low, high }: NumberDemands, isNegative: boolean): Interval | null {
  const [near, far] = isNegative ? [high, low] : [low, high];
  const sign = isNegative ? -1 : 1;
  // Minus zero is left to bounds that say nothing of zero.
  if (far !== null && (isNegative ? far.value >= 0 : far.value < 0)) return null;
  const isNearOpen = near === null || near.value * sign < 0 || (near.value === 0 && !near.isExclusive);
  return { low: isNearOpen ? null : decimalBound(near), high: far === null ? null : decimalBound(far) };
}

/** -1, 0 or 1: what has been written so far against the same number of digits of a bound. */
type Order = -1 | 0 | 1;

type Written = {
  readonly phase: 'start' | 'sign' | 'whole' | 'point' | 'fraction';
  readonly isNegative: boolean;
  /** Digits of the phase. */
  readonly count: number;
  readonly isZero: boolean;
  readonly low: Order;
  readonly high: Order;
  readonly remainder: number;
};

const NOTHING_WRITTEN: Written = {
  phase: 'start',
  isNegative: false,
  count: 0,
  isZero: false,
  low: 0,
  high: 0,
  remainder: 0,
};

const PHASES: readonly Written['phase'][] = ['start', 'sign', 'whole', 'point', 'fraction'];
const COUNTS = Math.max(INTEGER_DIGITS_MAX, FRACTION_DIGITS_MAX) + 1;

/** All parts of the state as the digits of one number. */
function keyOf({ phase, isNegative, count, isZero, low, high, remainder }: Written): number {
  const signs = (isNegative ? 2 : 0) + (isZero ? 1 : 0);
  const orders = 3 * (low + 1) + high + 1;
  const places = PHASES.length * (COUNTS * (9 * (4 * remainder + signs) + orders) + count);
  return places + PHASES.indexOf(phase);
}

/** `divisor` / 10^`places` is what the number is a multiple of; a divisor of 1 with the places of any number is none. */
type Multiple = { readonly divisor: number; readonly places: number; readonly digitsMax: number };

function multipleOf(value: number | null, isInteger: boolean): Multiple {
  if (value === null) {
    return { divisor: 1, places: isInteger ? 0 : FRACTION_DIGITS_MAX, digitsMax: INTEGER_DIGITS_MAX };
  }
  const { whole, fraction } = decimalOf(value);
  return { divisor: Number(whole + fraction), places: fraction.length, digitsMax: MULTIPLE_DIGITS_MAX };
}

function writtenNumbers(demands: NumberDemands, multipleOfValue: number | null): Deterministic {
  const multiple = multipleOf(multipleOfValue, demands.isInteger);
  const intervals = [magnitudes(demands, false), magnitudes(demands, true)] as const;
  const digits = new DigitSteps(multiple, demands.isInteger);
  return explored<Written>({
    start: NOTHING_WRITTEN,
    key: keyOf,
    characters: '-.0123456789',
    isFinal: (state) => {
      const interval = intervals[state.isNegative ? 1 : 0];
      return interval !== null && digits.isComplete(state, interval);
    },
    step: (state, character) => {
      if (character === '-') {
        const isAllowed = state.phase === 'start' && intervals[1] !== null;
        return isAllowed ? { ...state, phase: 'sign', isNegative: true } : null;
      }
      const interval = intervals[state.isNegative ? 1 : 0];
      if (interval === null) return null;
      return character === '.'
        ? digits.point(state, interval)
        : digits.digit(state, Number(character), interval);
    },
  });
}

class DigitSteps {
  readonly #multiple: Multiple;
  readonly #isInteger: boolean;

  constructor(multiple: Multiple, isInteger: boolean) {
    this.#multiple = multiple;
    this.#isInteger = isInteger;
  }

  /** @returns null when no number of the interval begins like this. */
  digit(state: Written, digit: number, interval: Interval): Written | null {
    const isFraction = state.phase === 'point' || state.phase === 'fraction';
    const count = isFraction || state.phase === 'whole' ? state.count + 1 : 1;
    const { divisor, places, digitsMax } = this.#multiple;
    if (state.isZero && !isFraction) return null;
    if (count > (isFraction ? places : digitsMax)) return null;
    const next: Written = {
      ...state,
      phase: isFraction ? 'fraction' : 'whole',
      count,
      isZero: !isFraction && digit === 0 && count === 1,
      remainder: (state.remainder * 10 + digit) % divisor,
      low: compared(state.low, digit, digitOf(interval.low, isFraction, count)),
      high: compared(state.high, digit, digitOf(interval.high, isFraction, count)),
    };
    return isHopeless(next, interval) ? null : next;
  }

  /** The whole part is complete. */
  point(state: Written, interval: Interval): Written | null {
    if (this.#isInteger || this.#multiple.places === 0 || state.phase !== 'whole') return null;
    const low = wholeOrder(state.low, state.count, interval.low);
    const high = wholeOrder(state.high, state.count, interval.high);
    const next: Written = { ...state, phase: 'point', count: 0, low, high };
    return isHopeless(next, interval) ? null : next;
  }

  isComplete(state: Written, { low, high }: Interval): boolean {
    if (state.phase !== 'whole' && state.phase !== 'fraction') return false;
    const places = state.phase === 'fraction' ? state.count : 0;
    let { remainder } = state;
    for (let place = places; place < this.#multiple.places && remainder !== 0; place++) {
      remainder = (remainder * 10) % this.#multiple.divisor;
    }
    if (remainder !== 0) return false;
    const against = (order: Order, bound: DecimalBound | null): Order => {
      if (bound === null) return order;
      const whole = state.phase === 'whole' ? wholeOrder(order, state.count, bound) : order;
      return whole === 0 && bound.fraction.length > places ? -1 : whole;
    };
    const lowOrder = against(state.low, low);
    const highOrder = against(state.high, high);
    const isAbove = low === null || lowOrder > 0 || (lowOrder === 0 && !low.isExclusive);
    const isBelow = high === null || highOrder < 0 || (highOrder === 0 && !high.isExclusive);
    return isAbove && isBelow;
  }
}

/** The bound's digit at the place of the number's `count`th; 0 where it has none any more. */
function digitOf(bound: DecimalBound | null, isFraction: boolean, count: number): number | null {
  if (bound === null) return null;
  const digits = isFraction ? bound.fraction : bound.whole;
  return Number(digits[count - 1] ?? 0);
}

function compared(order: Order, digit: number, boundDigit: number | null): Order {
  if (order !== 0 || boundDigit === null || digit === boundDigit) return order;
  return digit < boundDigit ? -1 : 1;
}

/** Whole numbers without leading zeros: the longer one is larger. */
function wholeOrder(order: Order, count: number, bound: DecimalBound | null): Order {
  if (bound === null || count === bound.whole.length) return order;
  return count < bound.whole.length ? -1 : 1;
}

/** Whatever digits follow, the number stays outside. */
function isHopeless({ phase, count, low, high }: Written, interval: Interval): boolean {
  if (phase === 'whole') {
    const length = interval.high?.whole.length ?? Number.POSITIVE_INFINITY;
    return count > length || (count === length && high > 0);
  }
  return (interval.low !== null && low < 0) || (interval.high !== null && high > 0);
}
