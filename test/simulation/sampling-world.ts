/** The world that a seed stands for where requests differ in how they choose: limits, faults, and requests of every kind. */

import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import type { SchedulerLimits } from '../../src/batching/scheduler.ts';
import { SPECULATIONS, type Speculation } from '../../src/sampling/draft-lookup.ts';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { Dice } from './dice.ts';
import { LOGITS_KINDS, type LogitsKind } from './whole-row-runner.ts';
import { WordGrammar } from './word-grammars.ts';

/** So many more than candidates that often these do not decide. */
const VOCABULARY_SIZE = 200;
/** So many that a grammar may allow more tokens than are read one by one. */
const VOCABULARY_SIZE_WIDE = 1100;
/** Nearly everything is made of these: any text without three `b` in a row begins an output. */
const WIDE_WORDS = ['a', 'ba', 'bba'];
const LENGTH_MAX = 90;
const PROMPT_LENGTH_MAX = 30;
const REQUEST_COUNT = 8;
const GRAMMAR_COUNT = 3;

export type SamplingWorld = {
  readonly dice: Dice;
  readonly limits: SchedulerLimits & { readonly vocabularySize: number };
  readonly speculation: Speculation;
  /** As `WholeRowRunnerOptions` has them. */
  readonly brokenEvery: number;
  readonly logits: LogitsKind;
  /** Probability that a run fails, of those of a step one at most. */
  readonly faultRate: number;
  /** Probability, in every step, that a running sequence is preempted by force, … */
  readonly preemptionRate: number;
  /** … and that a reader leaves. */
  readonly abortRate: number;
  readonly requests: readonly GenerationRequest[];
};

export function drawWorld(seed: number): SamplingWorld {
  const dice = new Dice(seed);
  const blockSize = dice.pick([1, 3, 8, 16, 16]);
  const isWide = seed % 10 === 2;
  const vocabularySize = isWide ? VOCABULARY_SIZE_WIDE : VOCABULARY_SIZE;
  const grammars = Array.from(
    { length: GRAMMAR_COUNT },
    (_, index) => new WordGrammar(index + 1, vocabularySize, dice, isWide ? WIDE_WORDS : undefined),
  );
  const shared = drawTokens(dice, PROMPT_LENGTH_MAX, vocabularySize);
  return {
    dice,
    limits: {
      blockSize,
      // From a pool for barely one request to one for all of them.
      blockCount: 1 + Math.ceil((LENGTH_MAX * dice.pick([1, 1.5, 4, 8])) / blockSize),
      modelLengthMax: LENGTH_MAX,
      sequencesPerStepMax: dice.pick([1, 2, 4, 8]),
      tokensPerStepMax: dice.pick([8, 16, 64]),
      scoredTokensPerStepMax: dice.pick([2, 5, 30]),
      vocabularySize,
    },
    speculation: dice.pick(SPECULATIONS),
    brokenEvery: dice.pick([0, 0, 211, 97]),
    logits: LOGITS_KINDS[seed % 5] ?? 'smooth',
    faultRate: dice.pick([0, 0, 0.1]),
    preemptionRate: seed % 3 === 0 ? 0.15 : 0,
    abortRate: seed % 4 === 0 ? 0.03 : 0,
    requests: Array.from({ length: REQUEST_COUNT }, (_, index) =>
      drawRequest(index + 1, { dice, grammars, shared, vocabularySize }),
    ),
  };
}

type RequestSources = {
  readonly dice: Dice;
  readonly grammars: readonly WordGrammar[];
  /** What many prompts begin with. */
  readonly shared: readonly number[];
  readonly vocabularySize: number;
};

function drawRequest(
  sequenceId: number,
  { dice, grammars, shared, vocabularySize }: RequestSources,
): GenerationRequest {
  const prompt = dice.chance(0.6)
    ? shared.slice(0, dice.between(1, shared.length))
    : drawTokens(dice, dice.between(1, PROMPT_LENGTH_MAX), vocabularySize);
  const trigger = { tokenId: dice.below(vocabularySize), thoughts: null };
  return {
    sequenceId,
    promptTokenIds: Int32Array.from(prompt),
    sampling: drawSampling(dice, vocabularySize),
    newTokensMax: dice.pick([0, 1, 5, 40, 55]),
    newTokensMin: dice.pick([0, 0, 0, 1, 12]),
    stopTokenIds: dice.chance(0.5) ? drawTokens(dice, dice.between(1, 6), vocabularySize) : [],
    grammar: dice.chance(0.35)
      ? { compiled: dice.pick(grammars).compiled, trigger: dice.chance(0.3) ? trigger : null, begun: '' }
      : null,
    predictedTokenIds: null,
    cacheSalt: dice.pick(['', 'a']),
    priority: dice.pick([0, 0, 1]),
  };
}

/** Every way of choosing, each now and then, beside any of the others. */
function drawSampling(dice: Dice, vocabularySize: number): SamplingParams {
  const tokens = (count: number): number[] => drawTokens(dice, count, vocabularySize);
  const biases = tokens(dice.between(1, 6)).map(
    (tokenId) => [tokenId, dice.pick([-100, -2, 1, 3, 100])] as const,
  );
  return {
    ...GREEDY,
    temperature: dice.pick([0, 0, 0.3, 0.7, 1, 1.5]),
    topP: dice.pick([1, 1, 0.9, 0.5]),
    topK: dice.pick([0, 0, 5, 70, 150]),
    minP: dice.pick([0, 0, 0.05]),
    repetitionPenalty: dice.pick([1, 1, 1.3, 0.8]),
    presencePenalty: dice.pick([0, 0, 1, -1]),
    frequencyPenalty: dice.pick([0, 0, 0.5, -0.3]),
    logitBias: new Map(dice.chance(0.3) ? biases : []),
    allowedTokenIds: dice.chance(0.15) ? Int32Array.from(tokens(dice.between(1, 150))) : null,
    bannedSequences: dice.chance(0.1) ? [Int32Array.from(tokens(2))] : [],
    seed: dice.below(1e9),
    logprobCount: dice.pick([null, null, 0, 3, 20]),
    promptLogprobCount: dice.chance(0.2) ? 2 : null,
  };
}

function drawTokens(dice: Dice, count: number, vocabularySize: number): number[] {
  return Array.from({ length: count }, () => dice.below(vocabularySize));
}
