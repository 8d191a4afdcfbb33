/** What of a guessed draft could be chosen: computing the rest would tell nothing. */

import { ServerError } from '../base/errors.ts';
import type { Draft } from './draft-lookup.ts';
import type { GrammarCursor } from './grammar/grammar-cursor.ts';
import type { TokenEdits } from './token-edits.ts';

export type DraftLimits = {
  readonly edits: Pick<TokenEdits, 'allows'>;
  readonly grammar: GrammarCursor | null;
  readonly stopTokenIds: readonly number[];
};

/** @returns the draft's tokens up to the first that cannot be chosen, or behind which nothing follows. The grammar stays where it is. */
export function fittingCount(
  { tokenIds, count }: Draft,
  { edits, grammar, stopTokenIds }: DraftLimits,
): number {
  const start = grammar?.place ?? null;
  let fitting = 0;
  try {
    for (; fitting < count; fitting++) {
      const tokenId = tokenIds[fitting]!;
      const isLast = stopTokenIds.includes(tokenId) || grammar?.isCompleteAfter(tokenId);
      if (isLast || !edits.allows(tokenId)) break;
      grammar?.accept(tokenId);
    }
  } catch (error) {
    // Told by the row that has it in front, where it ends its sequence.
    if (!(error instanceof ServerError)) throw error;
  } finally {
    if (start !== null) grammar?.moveTo(start);
  }
  return fitting;
}
