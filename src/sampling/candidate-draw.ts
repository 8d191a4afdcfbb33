/**
 * The draw from a row's ranked head alone, or the statement that the head does not decide it. Masses of what is not
 * in the head are known between bounds only, so all that is kept (min_p, top_k, top_p) is known between bounds; the
 * draw is decided when both bounds lead to the same token. Must agree with `FullRow.draw` wherever it decides.
 */

import { massOf, minPLogit, ROUNDING } from './masses.ts';
import type { RankedHead } from './ranked-head.ts';
import type { SamplingParams } from './sampling-params.ts';
import { NORMALISER_ERROR_MAX } from './step-logits.ts';

export type CandidateDrawOptions = {
  readonly sampling: SamplingParams;
  /** log(sum(exp(logits / temperature))) of the model's logits, or null when it was not asked for. */
  readonly normaliser: number | null;
  /** In [0, UNIFORM_MAX]. */
  readonly uniform: number;
};

export class CandidateDraw {
  /** The drawn token, or -1 when the head does not decide. */
  tokenId = -1;
  /** Share of the kept mass that may lie outside of the head; in [0, 1]. */
  tailShare = 0;

  /** [head.count] mass of the head's tokens up to and including each. */
  #cumulative = new Float64Array(64);
  /** Tokens of the head that are kept. */
  #keptCount = 0;
  /** More than the head may be kept: its mass lies in [#keptLow, #keptHigh]. */
  #isOpen = false;
  #keptLow = 0;
  #keptHigh = 0;

  /** @param head filled, with at least one token. */
  draw(head: RankedHead, { sampling, normaliser, uniform }: CandidateDrawOptions): void {
    this.#weigh(head, sampling.temperature);
    this.#boundTotal(head, sampling.temperature, normaliser);
    if (sampling.minP > 0) this.#keepMinP(head, sampling);
    if (sampling.topK > 0) this.#keepTopK(head, sampling);
    if (sampling.topP < 1) this.#keepTopP(head, sampling);
    this.tailShare = this.#isOpen ? 1 - this.#cumulative[head.count - 1]! / this.#keptHigh : 0;
    this.tokenId = -1;
    if (!(this.#keptLow <= this.#keptHigh)) return;
    const low = this.#firstAbove(uniform * this.#keptLow * (1 - ROUNDING));
    const high = this.#firstAbove(uniform * this.#keptHigh * (1 + ROUNDING));
    if (low === high && low < this.#keptCount) this.tokenId = head.tokenIds[low]!;
  }

  #weigh({ count, logits }: RankedHead, temperature: number): void {
    if (count > this.#cumulative.length) this.#cumulative = new Float64Array(2 * count);
    const top = logits[0]!;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += massOf(logits[i]!, top, temperature);
      this.#cumulative[i] = sum;
    }
    this.#keptCount = count;
  }

  /**
   * The whole distribution: what is told, and the untold from 0 to all of it at the floor. A normaliser narrows that:
   * the untold have what the told have not, of the model's own mass. When edits have lowered nearly all of that, its
   * error is as large as the rest, and the first bounds stand. Where untold tokens may be forbidden, the model's mass
   * of them only bounds what is left.
   */
  #boundTotal(head: RankedHead, temperature: number, normaliser: number | null): void {
    const top = head.logits[0]!;
    const told =
      this.#cumulative[head.count - 1]! + sumOf(head.unrankedLogits, head.unrankedCount, top, temperature);
    this.#keptLow = told;
    this.#keptHigh = told + head.untoldCount * massOf(head.floorLogit, top, temperature);
    this.#isOpen = head.untoldCount > 0 || head.unrankedCount > 0;
    if (normaliser === null || !this.#isOpen) return;
    const modelTotal = Math.exp(normaliser - top / temperature);
    const { absolute, relative } = NORMALISER_ERROR_MAX;
    const error = modelTotal * (Math.expm1(absolute + relative * Math.abs(normaliser)) + ROUNDING);
    const untold = modelTotal - this.#toldModelMass(head, top, temperature);
    if (!Number.isFinite(untold)) return;
    if (!head.mayForbidUntold) this.#keptLow = Math.max(this.#keptLow, told + untold - error);
    this.#keptHigh = Math.min(this.#keptHigh, told + untold + error);
  }

  /** Mass of the told tokens before they were edited. */
  #toldModelMass(head: RankedHead, top: number, temperature: number): number {
    if (head.modelLogitCount === 0) return this.#cumulative[head.count - 1]!;
    return sumOf(head.modelLogits, head.modelLogitCount, top, temperature);
  }

  /** Closed when everything outside of the head lies below the threshold. */
  #keepMinP(head: RankedHead, { temperature, minP }: SamplingParams): void {
    const smallest = minPLogit(head.logits[0]!, temperature, minP);
    let kept = head.count;
    while (head.logits[kept - 1]! < smallest) kept--;
    if (kept < head.count || head.floorLogit < smallest) this.#close(kept);
    else this.#keptLow = this.#cumulative[kept - 1]!;
  }

  #keepTopK(head: RankedHead, { temperature, topK }: SamplingParams): void {
    if (topK <= this.#keptCount) {
      this.#close(topK);
    } else if (this.#isOpen) {
      const headMass = this.#cumulative[head.count - 1]!;
      const floorMass = massOf(head.floorLogit, head.logits[0]!, temperature);
      this.#keptLow = headMass;
      this.#keptHigh = Math.min(this.#keptHigh, headMass + (topK - head.count) * floorMass);
    }
  }

  /** Of a kept mass between bounds, top_p keeps a mass between bounds, up to and including one token. */
  #keepTopP(head: RankedHead, { temperature, topP }: SamplingParams): void {
    const targetLow = topP * this.#keptLow * (1 - ROUNDING);
    const targetHigh = topP * this.#keptHigh * (1 + ROUNDING);
    const first = this.#firstReaching(targetLow);
    const last = this.#firstReaching(targetHigh);
    const kept = this.#keptCount;
    if (last < kept && first === last) {
      this.#close(first + 1);
    } else if (this.#isOpen) {
      const floorMass = massOf(head.floorLogit, head.logits[0]!, temperature);
      this.#keptLow =
        first < kept ? this.#cumulative[first]! : Math.max(this.#cumulative[kept - 1]!, targetLow);
      this.#keptHigh =
        last < kept ? this.#cumulative[last]! : Math.min(this.#keptHigh, targetHigh + floorMass);
    } else {
      this.#keptLow = this.#cumulative[Math.min(first, kept - 1)]!;
      this.#keptHigh = this.#cumulative[Math.min(last, kept - 1)]!;
    }
  }

  /** Nothing but the head's first `count` tokens is kept. */
  #close(count: number): void {
    this.#keptCount = count;
    this.#isOpen = false;
    this.#keptLow = this.#cumulative[count - 1]!;
    this.#keptHigh = this.#keptLow;
  }

  /** First token whose cumulative mass is above `target`; `#keptCount` when there is none in the head. */
  #firstAbove(target: number): number {
    let i = 0;
    while (i < this.#keptCount && !(this.#cumulative[i]! > target)) i++;
    return i;
  }

  /** Like `#firstAbove`, for a mass of at least `target`. */
  #firstReaching(target: number): number {
    let i = 0;
    while (i < this.#keptCount && !(this.#cumulative[i]! >= target)) i++;
    return i;
  }
}

function sumOf(logits: Float32Array, count: number, top: number, temperature: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += massOf(logits[i]!, top, temperature);
  return sum;
}
