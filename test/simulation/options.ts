/** What kind of world a seed stands for. Small numbers: rare meetings happen sooner in a small room. */

import type { SchedulerLimits } from '../../src/batching/scheduler.ts';
import { SPECULATIONS, type Speculation } from '../../src/sampling/draft-lookup.ts';
import { Dice } from './dice.ts';

export type SimulationOptions = {
  readonly limits: SchedulerLimits;
  readonly usesPrefixCache: boolean;
  readonly vocabularySize: number;
  /** Candidates in a row of logits. */
  readonly candidateCount: number;
  readonly requestCount: number;
  readonly promptLengthMax: number;
  readonly newTokensMax: number;
  readonly saltCount: number;
  readonly priorityCount: number;
  /** Probability, in every step, … of another arrival (drawn again after each) */
  readonly arrivalRate: number;
  /** … that a request in flight is aborted; before the step, or while it runs */
  readonly abortRate: number;
  /** … that a running sequence is preempted by force. */
  readonly preemptionRate: number;
  /** Probability that a run of the model fails. */
  readonly faultRate: number;
  /** Probability that a prompt begins like an earlier conversation. */
  readonly sharedPrefixRate: number;
  /** Probability that the candidates do not decide. */
  readonly undecidedRate: number;
  /** Probability that a request asks for more than can ever fit. */
  readonly oversizeRate: number;
  /** Probability that a request has its prompt scored. */
  readonly scoreRate: number;
  /** Probability that a request's output is held to a grammar, and how many grammars there are. */
  readonly grammarRate: number;
  readonly grammarCount: number;
  /** Probability that such a grammar sleeps until a token. */
  readonly triggerRate: number;
  readonly speculation: Speculation;
  /** Probability that a client says what it expects, which is not all right. */
  readonly predictionRate: number;
  /** How much longer prompts may make a step; `Infinity` never holds them back. */
  readonly decodeSlowdownMax: number;
  /** Prompts may fill the context, and outputs what they leave of it, to the token. */
  readonly fillsContext: boolean;
};

/** Longest sequence that can run. */
export function lengthMaxOf({ modelLengthMax, blockCount, blockSize }: SchedulerLimits): number {
  return Math.min(modelLengthMax, (blockCount - 1) * blockSize);
}

export function drawOptions(seed: number): SimulationOptions {
  const options = drawOrdinary(seed);
  return seed % 6 === 1 ? withFullContext(options, seed) : options;
}

/** The cache holds one sequence or two; often it is what bounds the context. */
function withFullContext(options: SimulationOptions, seed: number): SimulationOptions {
  const { blockCount } = options.limits;
  const fewerBlocks = 1 + Math.ceil((blockCount - 1) / (1 + (seed % 4)));
  const limits = { ...options.limits, blockCount: seed % 5 === 1 ? blockCount : fewerBlocks };
  return { ...options, limits, promptLengthMax: lengthMaxOf(limits), fillsContext: true };
}

function drawOrdinary(seed: number): SimulationOptions {
  const dice = new Dice(seed + 0.5);
  const blockSizeDrawn = dice.pick([1, 2, 3, 4, 4]);
  // In large ones there is room for whole drafts.
  const blockSize = seed % 5 === 0 ? 8 : blockSizeDrawn;
  const promptLengthMax = dice.pick([3, 6, 10, 20]);
  const newTokensMax = dice.pick([4, 16, 32, 32]);
  const lengthMax = promptLengthMax + newTokensMax;
  const sequencesPerStepMax = dice.pick([1, 2, 4, 6, 8]);
  return {
    limits: {
      blockSize,
      // From a pool barely larger than one request to one in which several fit.
      blockCount: 1 + Math.ceil((lengthMax * dice.pick([1, 1, 1, 1.2, 1.5])) / blockSize) + dice.below(3),
      modelLengthMax: lengthMax,
      sequencesPerStepMax,
      tokensPerStepMax: sequencesPerStepMax + dice.pick([0, 1, 4, 12, 40]),
      scoredTokensPerStepMax: 2 + (seed % 4),
    },
    usesPrefixCache: dice.chance(0.9),
    vocabularySize: dice.pick([2, 3, 8, 50]),
    candidateCount: dice.between(1, 2),
    requestCount: dice.between(4, 14),
    promptLengthMax,
    newTokensMax,
    saltCount: dice.pick([1, 1, 2]),
    priorityCount: dice.pick([1, 1, 3]),
    arrivalRate: dice.pick([0.3, 0.6, 0.9]),
    abortRate: dice.pick([0, 0, 0.03, 0.15]),
    preemptionRate: dice.pick([0, 0, 0, 0.02, 0.1]),
    faultRate: dice.pick([0, 0, 0.05, 0.3, 0.6]),
    sharedPrefixRate: dice.pick([0, 0.5, 0.9]),
    undecidedRate: dice.pick([0, 0.1, 0.5]),
    oversizeRate: dice.pick([0, 0.1]),
    scoreRate: dice.pick([0, 0, 0, 0.3]),
    grammarRate: dice.pick([0, 0, 0.5]),
    grammarCount: dice.between(1, 2),
    triggerRate: dice.pick([0, 0.5]),
    speculation: SPECULATIONS[seed % 3]!,
    predictionRate: seed % 4 === 0 ? 0.7 : 0,
    decodeSlowdownMax: seed % 2 === 0 ? 1.5 : Number.POSITIVE_INFINITY,
    fillsContext: false,
  };
}
