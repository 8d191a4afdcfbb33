/** A sequence of draws from one seed; every choice of a simulation comes from here, in order. */

import { randomAt } from '../../src/base/random.ts';

export class Dice {
  readonly #seed: number;
  #drawCount = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** In [0, 1). */
  draw(): number {
    return randomAt(this.#seed, this.#drawCount++);
  }

  chance(probability: number): boolean {
    return this.draw() < probability;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.draw() * bound);
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to pick from');
    return value;
  }
}
