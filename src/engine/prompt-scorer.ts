/**
 * Scores the prompt tokens of a step: asks for what that needs, and reads the answers back. Its rows of logits come
 * after those of the rows that choose a token. Keeps nothing beyond the step.
 */

import { ServerError } from '../base/errors.ts';
import { SCORED_LOGITS_BYTES_MAX } from '../base/limits.ts';
import type { Sequence } from '../batching/sequence.ts';
import type { StepPlan } from '../batching/step-plan.ts';
import { SCORES_FOR_ADMISSION } from '../batching/token-budget.ts';
import {
  askScore,
  type PromptScores,
  promptScores,
  readScore,
  type ScoreQuestion,
} from '../sampling/prompt-scores.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import type { SequenceScores } from './protocol.ts';

/** Prompt tokens that one step may score: each is a row of logits in memory. */
export function scoredTokensPerStep(limits: {
  readonly vocabularySize: number;
  readonly tokensPerStepMax: number;
}): number {
  const rowBytes = limits.vocabularySize * Float32Array.BYTES_PER_ELEMENT;
  const count = Math.min(Math.floor(SCORED_LOGITS_BYTES_MAX / rowBytes), limits.tokensPerStepMax);
  return Math.max(count, SCORES_FOR_ADMISSION + 1);
}

export class PromptScorer {
  readonly #questions: ScoreQuestion[] = [];

  /** Adds to `query` what the plan's scores need. */
  prepare(plan: StepPlan, query: LogitsQuery): void {
    this.#questions.length = 0;
    if (plan.scoredCount === 0) return;
    let row = plan.choosingCount;
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequence, firstScored, scoredCount } = plan.rows[index]!;
      for (let position = firstScored; position < firstScored + scoredCount; position++) {
        this.#questions.push(askScore(row++, sequence.tokenIds[position + 1]!, query));
      }
    }
  }

  /**
   * @param onBroken told of sequences whose logits are not numbers; they get no scores.
   * @returns the scores of the plan's sequences that have not failed.
   */
  collect(
    plan: StepPlan,
    logits: StepLogits,
    onBroken: (sequence: Sequence, error: ServerError) => void,
  ): SequenceScores[] {
    const collected: SequenceScores[] = [];
    if (plan.scoredCount === 0) return collected;
    let end = 0;
    for (let index = 0; index < plan.rowCount; index++) {
      const { sequence, firstScored, scoredCount } = plan.rows[index]!;
      const start = end;
      end += scoredCount;
      if (scoredCount === 0 || sequence.status === 'finished') continue;
      const topCount = Math.min(sequence.request.sampling.promptLogprobCount ?? 0, logits.candidateCount);
      const scores: PromptScores = promptScores(firstScored + 1, scoredCount, topCount);
      const readCount = this.#readScores(start, end, logits, scores);
      if (readCount === scoredCount) collected.push({ sequenceId: sequence.sequenceId, scores });
      else onBroken(sequence, notScored(firstScored + readCount));
    }
    return collected;
  }

  /** Answers to the questions from `start` to `end`, into `scores`. @returns how many could be read before one that could not. */
  #readScores(start: number, end: number, logits: StepLogits, scores: PromptScores): number {
    for (let index = start; index < end; index++) {
      if (!readScore(this.#questions[index]!, logits, scores, index - start)) return index - start;
    }
    return end - start;
  }
}

function notScored(position: number): ServerError {
  return new ServerError('step_failed', `the logits of prompt token ${position} are not numbers`);
}
