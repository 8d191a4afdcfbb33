/**
 * Seeds that have something to tell. A seed that once failed stays here, with what was wrong; so does one that
 * alone shows a planted bug. When the swarm's options change, a seed stands for another world: find a new one with
 * the canary that it belongs to.
 */
export const REGRESSIONS: readonly { readonly seed: number; readonly shows: string }[] = [
  { seed: 9, shows: 'a block published at plan is found by another in the same step' },
  { seed: 20, shows: 'a digest without the salt lets one request find the prefix of another' },
  { seed: 14, shows: 'content evicted by a failed step is asked for again' },
];
