/** Writes an output by chance, token by token, as a model does that knows nothing: any token that fits may come. */

import type { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import type { GrammarState } from '../../../src/sampling/grammar/grammar-state.ts';
import type { Dice } from '../random-rows.ts';

export type WalkOptions = {
  readonly dice: Dice;
  readonly bytesOf: (tokenId: number) => Uint8Array;
  readonly tokensMax: number;
  /** From so many tokens on, what closes strings, lists and objects is taken where it fits. */
  readonly closingFrom: number;
  /** Tokens of one byte each. */
  readonly closers: readonly number[];
};

/** @returns the output's bytes, or null when it came to no end. */
export function randomWalk(automaton: GrammarAutomaton, options: WalkOptions): Uint8Array | null {
  const { dice, bytesOf, tokensMax } = options;
  const output: number[] = [];
  let state = automaton.start;
  for (let count = 0; count < tokensMax; count++) {
    if (state.isComplete || (state.isFinal && dice.chance(0.5))) return Uint8Array.from(output);
    const tokenId = someToken(automaton, state, count, options);
    if (tokenId === null)
      throw new Error(`no token fits after ${new TextDecoder().decode(Uint8Array.from(output))}`);
    output.push(...bytesOf(tokenId));
    state = automaton.afterToken(state, tokenId)!;
  }
  return null;
}

function someToken(
  automaton: GrammarAutomaton,
  state: GrammarState,
  count: number,
  { dice, closingFrom, closers }: WalkOptions,
): number | null {
  const fitting =
    count >= closingFrom ? closers.filter((id) => automaton.afterToken(state, id) !== null) : [];
  if (fitting.length > 0) return dice.pick(fitting);
  const allowed = maskedTokens(automaton.mask(state));
  return allowed.length === 0 ? null : dice.pick(allowed);
}

export function maskedTokens(mask: Uint32Array): number[] {
  const tokenIds: number[] = [];
  mask.forEach((word, index) => {
    for (let bit = 0; bit < 32; bit++) if (((word >>> bit) & 1) === 1) tokenIds.push(32 * index + bit);
  });
  return tokenIds;
}
