/**
 * Chooses from a row's logits over the whole vocabulary: what decides when the candidates do not. The order of tokens
 * is that of `RankedHead`, descending logit, equal logits by lower id, all the way down; nothing is sorted for it: a token
 * is found in the order by radix selection over the logits' bits, by rank or by cumulative mass, in a few passes.
 * One instance serves all sequences, one row at a time; its memory is 16 bytes a token of the vocabulary.
 */

import { massOf, minPLogit } from './masses.ts';
import { RadixSelection } from './radix-selection.ts';
import type { SamplingParams } from './sampling-params.ts';
import type { TokenEdits } from './token-edits.ts';

export class FullRow {
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #selection: RadixSelection;
  #topTokenId = 0;
  /** What the last draw was made from, relative to the mass of the top token. */
  keptMass = 0;

  constructor(vocabularySize: number) {
    this.#logits = new Float32Array(vocabularySize);
    this.#selection = new RadixSelection(this.#logits);
  }

  /** @param row [vocabularySize] the model's logits; not changed. */
  load(row: Float32Array, edits: TokenEdits | null): void {
    this.#logits.set(row);
    if (edits !== null) {
      for (let entry = 0; entry < edits.count; entry++) {
        const tokenId = edits.tokenIdAt(entry);
        this.#logits[tokenId] = edits.apply(entry, row[tokenId]!);
      }
      edits.forbidOthers(this.#logits);
    }
    this.#topTokenId = indexOfLargest(this.#logits);
  }

  /** The token with the largest logit. */
  get topTokenId(): number {
    return this.#topTokenId;
  }

  get topLogit(): number {
    return this.#logits[this.#topTokenId]!;
  }

  /**
   * @param uniform in [0, UNIFORM_MAX].
   * @returns the token in which `uniform` of the kept mass falls.
   */
  draw(sampling: SamplingParams, uniform: number): number {
    const { temperature, topP, topK, minP } = sampling;
    const selection = this.#selection;
    this.keptMass = selection.weigh(this.topLogit, temperature);
    let keptCount = this.#logits.length;
    if (minP > 0) {
      keptCount = this.#keepMinP(minPLogit(this.topLogit, temperature, minP), temperature);
    }
    if (topK > 0 && topK < keptCount) this.keptMass = selection.selectRank(topK).massThrough;
    if (topP < 1) {
      const { massThrough } = selection.selectMassReaching(topP * this.keptMass);
      this.keptMass = Math.min(this.keptMass, massThrough);
    }
    return selection.selectMassAbove(uniform * this.keptMass).tokenId;
  }

  logitOf(tokenId: number): number {
    return this.#logits[tokenId]!;
  }

  /** @returns how many tokens are kept. */
  #keepMinP(smallest: number, temperature: number): number {
    const top = this.topLogit;
    let keptCount = 0;
    this.keptMass = 0;
    for (let tokenId = 0; tokenId < this.#logits.length; tokenId++) {
      const logit = this.#logits[tokenId]!;
      if (logit < smallest) continue;
      this.keptMass += massOf(logit, top, temperature);
      keptCount++;
    }
    return keptCount;
  }
}

function indexOfLargest(logits: Float32Array): number {
  let index = 0;
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit > largest) {
      largest = logit;
      index = i;
    }
  }
  return index;
}
