/**
 * A model runner with whole rows of logits, so that every way of choosing has something to choose from. What follows
 * depends mostly on the two tokens before it, so that a guess at it is often right, and a little on every token of the
 * past, each read through the block table, so that a wrong slot shows.
 */

import { assert } from '../../src/base/assert.ts';
import {
  type ModelLimits,
  type ModelRunner,
  RunnerError,
  type StepOutcome,
} from '../../src/engine/model-runner.ts';
import type { StepBatch } from '../../src/engine/step-batch.ts';
import type { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { answer } from '../sampling/row-driver.ts';
import { BEFORE_FIRST, slotValue } from './fake-model.ts';

/** `tied`: whole numbers, so that many are equal, the last candidate's among them. `holed`: a third is -Infinity. */
export const LOGITS_KINDS = ['smooth', 'tied', 'holed'] as const;
export type LogitsKind = (typeof LOGITS_KINDS)[number];

export type WholeRowRunnerOptions = {
  readonly limits: ModelLimits;
  readonly logits: LogitsKind;
  /** About one history in so many has no numbers for its last token and all behind it; 0: none. */
  readonly brokenEvery: number;
  /** Asked at the start of every run: whether it fails before it writes anything, after all of it, or not. */
  readonly drawFault: () => 'before' | 'after' | null;
};

/** Nobody wrote there. */
const UNWRITTEN = -1;
/** Of the tokens that are likely at a place, so many times as many are not. */
const LIKELY_EVERY = 60;

export class WholeRowRunner implements ModelRunner {
  readonly limits: ModelLimits;
  readonly #options: WholeRowRunnerOptions;
  /** Token ids. */
  readonly #slots: Int32Array;

  constructor(options: WholeRowRunnerOptions) {
    this.#options = options;
    this.limits = options.limits;
    this.#slots = new Int32Array(options.limits.blockCount * options.limits.blockSize).fill(UNWRITTEN);
  }

  async run(batch: StepBatch, query: LogitsQuery): Promise<StepOutcome> {
    const fault = this.#options.drawFault();
    if (fault === 'before') throw new RunnerError('retryable', 'the run failed before its first write');
    for (let token = 0; token < batch.tokenCount; token++) {
      this.#slots[batch.slots[token]!] = batch.tokenIds[token]!;
    }
    if (fault === 'after') throw new RunnerError('retryable', 'the run failed after its last write');
    const broken = new Set(this.#brokenTokens(batch));
    const rows = Array.from(batch.logitsTokens.subarray(0, batch.logitsRowCount), (token) =>
      broken.has(token) ? this.#rowOfNoNumbers() : this.#row(this.#historyOf(batch, token)),
    );
    // Of a step that samples nothing nothing is asked either, and a row is there for its length alone.
    const answered = answer(rows.length === 0 ? [this.#rowOfNoNumbers()] : rows, query);
    return { ...answered, brokenTokens: [...broken] };
  }

  async close(): Promise<void> {}

  #brokenTokens(batch: StepBatch): readonly number[] {
    const { brokenEvery } = this.#options;
    if (brokenEvery === 0) return [];
    const isBroken = (token: number): boolean => {
      let hash = BEFORE_FIRST;
      return this.#historyOf(batch, token).some((tokenId) => {
        hash = slotValue(hash, tokenId);
        return (hash >>> 0) % brokenEvery === 0;
      });
    };
    return Array.from({ length: batch.tokenCount }, (_, token) => token).filter(isBroken);
  }

  /** The token's sequence up to itself, as the cache has it. */
  #historyOf(batch: StepBatch, token: number): readonly number[] {
    let row = 0;
    while (batch.rowStart[row + 1]! <= token) row++;
    const { blockSize } = this.limits;
    return Array.from({ length: batch.positions[token]! + 1 }, (_, position) => {
      const blockId = batch.blockTable[row * batch.blockTableWidth + Math.floor(position / blockSize)]!;
      const tokenId = this.#slots[blockId * blockSize + (position % blockSize)]!;
      assert(tokenId !== UNWRITTEN, 'a slot is written before it is read');
      return tokenId;
    });
  }

  #row(history: readonly number[]): Float32Array {
    const whole = history.reduce(slotValue, BEFORE_FIRST);
    const [beforeLast = 0, last = 0] = history.slice(-2);
    const lately = slotValue(slotValue(BEFORE_FIRST, beforeLast % 3), last);
    const { vocabularySize } = this.limits;
    const { logits } = this.#options;
    return Float32Array.from({ length: vocabularySize }, (_, tokenId) => {
      if (logits === 'holed' && share(lately, tokenId) < 1 / 3) return -Infinity;
      const isLikely = (slotValue(lately, tokenId + vocabularySize) >>> 0) % LIKELY_EVERY === 0;
      const logit = 6 * share(lately, tokenId) + 0.1 * share(whole, tokenId) + (isLikely ? 4 : 0) - 3;
      return logits === 'tied' ? Math.round(logit) : logit;
    });
  }

  #rowOfNoNumbers(): Float32Array {
    return new Float32Array(this.limits.vocabularySize).fill(Number.NaN);
  }
}

/** In [0, 1). */
function share(hash: number, tokenId: number): number {
  return (slotValue(hash, tokenId) >>> 0) / 2 ** 32;
}
