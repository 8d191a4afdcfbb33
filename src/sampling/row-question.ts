/** What a sampler asked of one row of logits before a step, so that it finds the answers afterwards. */

/** Stands for an index where nothing was asked. */
export const NOT_ASKED = -1;

export class RowQuestion {
  /** Indices of the answers in the step's logits. */
  normaliser = NOT_ASKED;
  logprobNormaliser = NOT_ASKED;
  readStart = 0;
  readCount = 0;
  fullRow = NOT_ASKED;
  /** All tokens that fit the grammar, when these were read instead of what the edits ask for. */
  onlyTokenIds: Int32Array | null = null;
  /** Why the grammar could not be asked. */
  grammarError: unknown = null;
  /** Share of the mass outside of the candidates, as the choice found it; counts once the token is accepted. */
  tailShare = 0;
}
