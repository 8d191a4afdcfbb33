/** Random rows, parameters and histories for the sampler's tests; all from one seed. */

import { randomAt } from '../../src/base/random.ts';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import type { History } from './reference-sampler.ts';

export class Dice {
  readonly #seed: number;
  #thrown = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** In [low, high). */
  number(low: number, high: number): number {
    return low + (high - low) * randomAt(this.#seed, this.#thrown++);
  }

  integer(low: number, highInclusive: number): number {
    return Math.floor(this.number(low, highInclusive + 1));
  }

  chance(probability: number): boolean {
    return this.number(0, 1) < probability;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.integer(0, values.length - 1)]!;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.number(0, 1))) * Math.cos(2 * Math.PI * this.number(0, 1));
  }
}

export function aRow(dice: Dice, vocabularySize: number): Float32Array {
  const spread = dice.pick([0.3, 1, 3, 6]);
  const shift = dice.pick([0, 0, -20, 15]);
  const isCoarse = dice.chance(0.25);
  const hasMinusInfinity = dice.chance(0.1);
  return Float32Array.from({ length: vocabularySize }, () => {
    if (hasMinusInfinity && dice.chance(0.5)) return -Infinity;
    const logit = spread * dice.normal() + shift;
    return isCoarse ? Math.round(logit) : logit;
  });
}

export function aHistory(dice: Dice, vocabularySize: number): History {
  const tokens = (max: number): number[] =>
    Array.from({ length: dice.integer(0, max) }, () => dice.integer(0, Math.min(vocabularySize, 50) - 1));
  return {
    promptTokenIds: [0, ...tokens(20)],
    outputTokenIds: tokens(30),
    forbiddenTokenIds: dice.chance(0.2) ? [1, dice.integer(1, vocabularySize - 1)] : [],
  };
}

export function someParams(dice: Dice, vocabularySize: number): SamplingParams {
  const bias = new Map<number, number>();
  if (dice.chance(0.25)) {
    for (let i = dice.integer(1, 6); i > 0; i--) {
      bias.set(
        dice.integer(0, vocabularySize - 1),
        dice.pick([100, -100, dice.number(-5, 5), dice.number(0, 10)]),
      );
    }
  }
  return {
    ...GREEDY,
    temperature: dice.pick([0, 1, 1, 0.7, 2, 0.1, 1e-4, dice.number(0.05, 2)]),
    topP: dice.pick([1, 1, 0.9, 0.95, 0.5, 1e-6, dice.number(0.01, 1)]),
    topK: dice.pick([0, 0, 1, 5, 40, 63, 64, 65, 100, 1000]),
    minP: dice.pick([0, 0, 0, 0.05, 0.3, 1, dice.number(0, 0.1)]),
    repetitionPenalty: dice.pick([1, 1, 1.1, 1.5, 0.8]),
    presencePenalty: dice.pick([0, 0, 0.5, 2, -1.5]),
    frequencyPenalty: dice.pick([0, 0, 0.3, 2, -1]),
    logitBias: bias,
    seed: dice.integer(0, 2 ** 32),
    allowedTokenIds: dice.chance(0.2) ? someAllowed(dice, vocabularySize) : null,
    bannedSequences: dice.chance(0.2) ? someBanned(dice, vocabularySize) : [],
  };
}

/** Few tokens or many, in no order, some of them twice; token 0 is always one of them. */
function someAllowed(dice: Dice, vocabularySize: number): Int32Array {
  const share = dice.pick([0.01, 0.1, 0.5, 0.9]);
  const ids = Array.from({ length: vocabularySize }, (_, tokenId) => tokenId);
  const chosen = ids.filter((tokenId) => tokenId === 0 || dice.chance(share));
  return Int32Array.from([...chosen.reverse(), 0]);
}

/** Sequences of tokens that outputs hold; none ends with token 0. */
function someBanned(dice: Dice, vocabularySize: number): Int32Array[] {
  const highest = Math.min(vocabularySize, 8) - 1;
  return Array.from({ length: dice.integer(1, 8) }, () => {
    const before = Array.from({ length: dice.integer(0, 2) }, () => dice.integer(0, highest));
    return Int32Array.from([...before, dice.integer(1, highest)]);
  });
}
