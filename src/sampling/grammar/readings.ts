/**
 * Ways of reading one output so far: each a state of the program, and the rules that it will return to. Side by side in
 * arrays, since ambiguous grammars have thousands at every byte.
 */

import type { ReturnStack } from './return-stacks.ts';

export class Readings {
  readonly states: Int32Array;
  readonly stacks: readonly ReturnStack[];

  constructor(states: Int32Array, stacks: readonly ReturnStack[]) {
    this.states = states;
    this.stacks = stacks;
  }

  get length(): number {
    return this.stacks.length;
  }
}

/** Collects readings; used over and over, so that only what is kept is allocated. */
export class ReadingList {
  states = new Int32Array(64);
  readonly stacks: ReturnStack[] = [];
  length = 0;

  push(state: number, stack: ReturnStack): void {
    if (this.length === this.states.length) {
      const longer = new Int32Array(2 * this.length);
      longer.set(this.states);
      this.states = longer;
    }
    this.states[this.length] = state;
    this.stacks[this.length++] = stack;
  }

  clear(): void {
    this.length = 0;
  }

  /** Lets go of the stacks, too. */
  forget(): void {
    this.length = 0;
    this.stacks.length = 0;
  }

  /** A whole number that is the same for the same readings in whatever order, and rarely for others. */
  hash(isFinal: boolean): number {
    let low = isFinal ? 1 : 0;
    let high = this.length;
    for (let index = 0; index < this.length; index++) {
      const stackId = this.stacks[index]!.id;
      let mixed = Math.imul(this.states[index]! + 1, 0x9e3779b1) ^ Math.imul(stackId + 1, 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
      mixed ^= mixed >>> 13;
      low = (low + mixed) | 0;
      high = (high + (Math.imul(mixed, 0x297a2d39) >>> 8)) | 0;
    }
    return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
  }

  kept(): Readings {
    return new Readings(this.states.slice(0, this.length), this.stacks.slice(0, this.length));
  }
}
