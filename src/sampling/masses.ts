/**
 * What both ways of drawing a token, from candidates and from a whole row, must do alike: the numbers they compare
 * and how the unit interval is used. Both add up masses in the same order of tokens but not with the same rounding,
 * so a decision closer than `ROUNDING` is left to the whole row.
 */

/** Relative difference that two sums of the same masses can have: worst case of 2^18 additions in float64. */
export const ROUNDING = 1e-10;

/**
 * Draws end here rather than at 1, so that rounding cannot carry one past the last token that may be drawn. More than
 * `ROUNDING` below 1; it moves 2^-32 of probability.
 */
export const UNIFORM_MAX = 1 - 2 ** -32;

/** Mass of a token relative to that of one with logit `top`. */
export function massOf(logit: number, top: number, temperature: number): number {
  return Math.exp((logit - top) / temperature);
}

/** Smallest logit that min_p keeps: mass at least `minP` of the largest. -Infinity when min_p is off. */
export function minPLogit(top: number, temperature: number, minP: number): number {
  return top + temperature * Math.log(minP);
}
