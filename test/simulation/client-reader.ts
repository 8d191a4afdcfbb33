/** A reader of a request in the simulation of the engine's client: takes its events, and checks that they are right. */

import { assert } from '../../src/base/assert.ts';
import type { ChoiceFanOut, SequenceEvent } from '../../src/engine/choice-fan-out.ts';
import type { Admission, TokenEvent } from '../../src/engine/engine-client.ts';
import type { Choice } from './client-world.ts';

export type ClientTotals = {
  finishedCount: number;
  /** By readers, who want no more. */
  endedEarlyCount: number;
  leftCount: number;
  failedCount: number;
  queueFullCount: number;
  deathCount: number;
  drainCount: number;
  /** Events with tokens of several steps. */
  mergedCount: number;
  /** Tokens of prompts that further choices found in the cache. */
  siblingHitTokenCount: number;
  scoredCount: number;
  predictedCount: number;
  preemptionCount: number;
};

export const NO_CLIENT_TOTALS: ClientTotals = {
  finishedCount: 0,
  endedEarlyCount: 0,
  leftCount: 0,
  failedCount: 0,
  queueFullCount: 0,
  deathCount: 0,
  drainCount: 0,
  mergedCount: 0,
  siblingHitTokenCount: 0,
  scoredCount: 0,
  predictedCount: 0,
  preemptionCount: 0,
};

export type OpenRequest = {
  readonly fanOut: ChoiceFanOut;
  readonly admission: Admission;
  /** As the fan-out counts them. */
  readonly choices: readonly Choice[];
  /** Of each prompt. */
  readonly choiceCount: number;
  /** Told that there is something to be taken. */
  isReadable: boolean;
};

type TokensDelta = Extract<TokenEvent, { kind: 'tokens-delta' }>;

/** Ends the choice where its reader wants no more of it. */
export function takeEvent(
  { fanOut, choices, choiceCount }: OpenRequest,
  { sequenceIndex: index, event }: SequenceEvent,
  totals: ClientTotals,
): void {
  const choice = choices[index]!;
  assert(!choice.isOver, 'a choice that is over says nothing more');
  if (event.kind === 'finish') {
    assert(choice.takenCount === choice.output.length, 'a choice ends behind its last token');
    assert(event.reason === choice.endsBy, 'it ends for the right reason');
    choice.isOver = true;
    totals.finishedCount++;
    return;
  }
  if (choice.takenCount === 0 && index % choiceCount > 0)
    totals.siblingHitTokenCount += event.cachedTokenCount;
  takeTokens(choice, event, totals);
  if (choice.takenCount < choice.wantedCount) return;
  fanOut.end(index, choice.wantedCount);
  choice.isOver = true;
  totals.endedEarlyCount++;
}

function takeTokens(choice: Choice, event: TokensDelta, totals: ClientTotals): void {
  if (event.tokens.length > 1) totals.mergedCount++;
  totals.scoredCount += checkScores(choice, event);
  for (const { tokenId } of event.tokens) {
    assert(tokenId === choice.output[choice.takenCount], `token ${choice.takenCount} is another alone`);
    choice.takenCount++;
  }
  const { acceptedCount, rejectedCount } = event.predicted;
  assert(choice.isPredicted || acceptedCount + rejectedCount === 0, 'of no prediction nothing comes');
  assert(acceptedCount <= choice.takenCount, 'what was right is part of the output');
  totals.predictedCount += acceptedCount;
}

/** @returns how many there are. */
function checkScores({ input, takenCount }: Choice, { promptScores }: TokensDelta): number {
  const isScored = input.sampling.promptLogprobCount !== null && takenCount === 0;
  const expected = isScored ? input.promptTokenIds.length - 1 : 0;
  let count = 0;
  for (const { firstPosition, logprobs } of promptScores ?? []) {
    assert(firstPosition === count + 1, 'scores come in order, each once');
    count += logprobs.length;
  }
  assert(count === expected, `${expected} scores come with the first tokens, not ${count}`);
  return count;
}
