/** Scratch memory of choosing tokens. */

import { CandidateDraw } from './candidate-draw.ts';
import { FullRow } from './full-row.ts';
import { RankedHead } from './ranked-head.ts';

/** One instance serves all sequences of a thread. */
export class SamplingWorkspace {
  readonly vocabularySize: number;
  readonly head = new RankedHead();
  readonly draw = new CandidateDraw();
  #fullRow: FullRow | null = null;

  constructor(vocabularySize: number) {
    this.vocabularySize = vocabularySize;
  }

  /** Made when first needed: it is the larger part. */
  get fullRow(): FullRow {
    this.#fullRow ??= new FullRow(this.vocabularySize);
    return this.#fullRow;
  }
}
