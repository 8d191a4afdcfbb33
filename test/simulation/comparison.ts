/**
 * Requests of every kind together, and each of them alone: the real engine, scheduler, samplers and grammars must give each
 * the same tokens, log probabilities and end to the bit, whatever it shared its steps with, what was drafted for it,
 * preempted, found in the cache, or failed and was run again. Alone every token is chosen from its whole row, together from
 * candidates wherever these decide.
 */

import { isDeepStrictEqual } from 'node:util';
import { assert } from '../../src/base/assert.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import { checkInvariants } from '../../src/batching/invariants.ts';
import { Scheduler } from '../../src/batching/scheduler.ts';
import { StepPace } from '../../src/batching/step-pace.ts';
import { Engine, type StepResult } from '../../src/engine/engine.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import type { TokenLogprobs } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery } from '../../src/sampling/step-logits.ts';
import type { Dice } from './dice.ts';
import { drawWorld, type SamplingWorld } from './sampling-world.ts';
import { eachSeed } from './seeds.ts';
import { WholeRowRunner } from './whole-row-runner.ts';

/** What one request got. */
type Answer = {
  readonly tokens: { readonly tokenId: number; readonly logprobs: TokenLogprobs | null }[];
  readonly scores: { readonly logprobs: number[]; readonly ranks: number[]; readonly topTokenIds: number[] };
  /** Its finish reason, or the code and message of its failure. */
  end: string | null;
  hasFailed: boolean;
};

export type ComparisonTotals = {
  tokenCount: number;
  scoreCount: number;
  failureCount: number;
  faultCount: number;
  rerunCount: number;
  leftCount: number;
  draftAcceptedCount: number;
  draftRejectedCount: number;
  preemptionCount: number;
  prefixHitTokenCount: number;
};

export const NO_TOTALS: ComparisonTotals = {
  tokenCount: 0,
  scoreCount: 0,
  failureCount: 0,
  faultCount: 0,
  rerunCount: 0,
  leftCount: 0,
  draftAcceptedCount: 0,
  draftRejectedCount: 0,
  preemptionCount: 0,
  prefixHitTokenCount: 0,
};

/** The class under test; a planted bug puts a broken one in its place. */
export type Samplers = typeof SequenceSamplers;

/** @throws SeedFailure of the first seed that fails. */
export async function compareSeeds(
  fromSeed: number,
  seedCount: number,
  samplers: Samplers = SequenceSamplers,
): Promise<ComparisonTotals> {
  const totals = { ...NO_TOTALS };
  const range = { from: fromSeed, count: seedCount };
  await eachSeed('--compare', range, (seed) => new Comparison(seed, samplers, totals).run());
  return totals;
}

/** Far more than a world needs. */
const STEPS_MAX = 20_000;
/** For the longest request alone, whatever the size of blocks. */
const BLOCKS_ALONE = 200;

type Running = { readonly engine: Engine; readonly scheduler: Scheduler };

class WholeRowSamplers extends SequenceSamplers {
  override prepare(sequenceId: number, row: number, query: LogitsQuery): void {
    super.prepare(sequenceId, row, query, { wholeRow: true });
  }
}

class Comparison {
  readonly #world: SamplingWorld;
  readonly #dice: Dice;
  readonly #samplers: Samplers;
  readonly #totals: ComparisonTotals;
  /** Of this step. */
  #hasFailed = false;
  #runCount = 0;
  /** Whose readers left. */
  readonly #leftIds = new Set<number>();

  constructor(seed: number, samplers: Samplers, totals: ComparisonTotals) {
    this.#world = drawWorld(seed);
    this.#dice = this.#world.dice;
    this.#samplers = samplers;
    this.#totals = totals;
  }

  async run(): Promise<void> {
    const { requests } = this.#world;
    const alone = new Map<number, Answer>();
    for (const request of requests) {
      const answers = await this.#drive(this.#openAlone(), [request], { atOnce: true });
      alone.set(request.sequenceId, answers.get(request.sequenceId)!);
    }
    const predicted = requests.map((request) =>
      this.#withPrediction(request, alone.get(request.sequenceId)!),
    );
    const together = await this.#drive(this.#openTogether(), predicted, { atOnce: false });
    for (const { sequenceId } of requests) {
      this.#compare(sequenceId, alone.get(sequenceId)!, together.get(sequenceId)!);
    }
  }

  /** No drafts, no neighbours, no faults. */
  #openAlone(): Running {
    const limits = { ...this.#world.limits, blockCount: BLOCKS_ALONE, sequencesPerStepMax: 1 };
    return this.#open(
      limits,
      new WholeRowSamplers({ vocabularySize: limits.vocabularySize, speculation: 'off' }),
      () => null,
    );
  }

  #openTogether(): Running {
    const { limits, speculation } = this.#world;
    const samplers = new this.#samplers({ vocabularySize: limits.vocabularySize, speculation });
    return this.#open(limits, samplers, () => this.#onRun());
  }

  #open(
    limits: SamplingWorld['limits'],
    sampler: SequenceSamplers,
    drawFault: () => 'before' | 'after' | null,
  ): Running {
    const scheduler = new Scheduler(limits, undefined, new StepPace(1.5));
    const { brokenEvery, logits } = this.#world;
    const runner = new WholeRowRunner({ limits, brokenEvery, logits, drawFault });
    let nowMs = 0;
    const clock = { monotonicMs: () => nowMs++, unixSeconds: () => 0 };
    return { scheduler, engine: new Engine({ scheduler, runner, sampler, clock }) };
  }

  /** A step is tried twice: of its runs one fails at most. */
  #onRun(): 'before' | 'after' | null {
    this.#runCount++;
    if (this.#hasFailed || !this.#dice.chance(this.#world.faultRate)) return null;
    this.#hasFailed = true;
    this.#totals.faultCount++;
    return this.#dice.pick(['before', 'after']);
  }

  /** Often what the request will say, with a token here and there that it will not. */
  #withPrediction(request: GenerationRequest, { tokens }: Answer): GenerationRequest {
    const dice = this.#dice;
    if (!dice.chance(0.4)) return request;
    const guessed = tokens.map(({ tokenId }) =>
      dice.chance(0.08) ? dice.below(this.#world.limits.vocabularySize) : tokenId,
    );
    return { ...request, predictedTokenIds: Int32Array.from(guessed) };
  }

  async #drive(
    { engine, scheduler }: Running,
    requests: readonly GenerationRequest[],
    { atOnce }: { readonly atOnce: boolean },
  ): Promise<ReadonlyMap<number, Answer>> {
    const answers = new Map(requests.map(({ sequenceId }) => [sequenceId, noAnswer()]));
    const arriving = [...requests];
    for (let steps = 0; arriving.length > 0 || engine.hasWork; steps++) {
      assert(steps < STEPS_MAX, 'every request ends');
      while (arriving.length > 0 && (atOnce || !engine.hasWork || this.#dice.chance(0.4))) {
        engine.receive({ kind: 'request-submit', request: arriving.shift()! });
      }
      if (!atOnce) this.#disturb(engine, scheduler);
      this.#runCount = 0;
      this.#hasFailed = false;
      const result = await engine.step();
      const violations = checkInvariants(scheduler.snapshot());
      assert(violations.length === 0, violations.join('; '));
      if (result === null) continue;
      take(result, answers);
      if (!atOnce) this.#count(result);
    }
    return answers;
  }

  /** Now and then a sequence loses its blocks, and a reader leaves. */
  #disturb(engine: Engine, scheduler: Scheduler): void {
    const { running, waiting } = scheduler.snapshot();
    const { preemptionRate, abortRate } = this.#world;
    if (running.length > 0 && this.#dice.chance(preemptionRate)) {
      scheduler.preempt(this.#dice.pick(running).sequenceId);
      this.#totals.preemptionCount++;
    }
    const open = [...running, ...waiting];
    if (open.length === 0 || !this.#dice.chance(abortRate)) return;
    const { sequenceId } = this.#dice.pick(open);
    engine.receive({ kind: 'request-abort', sequenceId, takenCount: null });
    this.#leftIds.add(sequenceId);
    this.#totals.leftCount++;
  }

  #count({ tokens, promptScores, failures, report }: StepResult): void {
    const totals = this.#totals;
    totals.tokenCount += tokens.length;
    totals.scoreCount += promptScores.reduce((sum, { scores }) => sum + scores.logprobs.length, 0);
    totals.failureCount += failures.length;
    totals.rerunCount += Math.max(0, this.#runCount - 1 - Number(this.#hasFailed));
    totals.draftAcceptedCount += report.draftAcceptedCount;
    totals.draftRejectedCount += report.draftedCount - report.draftAcceptedCount;
    totals.preemptionCount += report.preemptionCount;
    totals.prefixHitTokenCount += report.prefixHitTokenCount;
  }

  #compare(sequenceId: number, alone: Answer, together: Answer): void {
    const who = `sequence ${sequenceId}`;
    const comparable = this.#leftIds.has(sequenceId) ? upTo(alone, together) : alone;
    this.#compareWhole(who, comparable, together);
  }

  #compareWhole(who: string, alone: Answer, together: Answer): void {
    const differing = alone.tokens.findIndex((token, at) => !isDeepStrictEqual(token, together.tokens[at]));
    assert(
      differing < 0,
      `${who}: token ${differing} is ${JSON.stringify(alone.tokens[differing])} alone, ${JSON.stringify(together.tokens[differing])} in the batch`,
    );
    assert(
      alone.end === together.end,
      `${who} ends by "${alone.end}" alone, by "${together.end}" in the batch`,
    );
    assert(
      alone.tokens.length === together.tokens.length,
      `${who} has ${alone.tokens.length} tokens alone, ${together.tokens.length} in the batch`,
    );
    // How many scores are told before a part of the prompt fails depends on how it is cut into steps.
    const isWhole = !alone.hasFailed;
    assert(
      !isWhole || isDeepStrictEqual(alone.scores, together.scores),
      `${who}: its prompt scores otherwise alone`,
    );
  }
}

function noAnswer(): Answer {
  return { tokens: [], scores: { logprobs: [], ranks: [], topTokenIds: [] }, end: null, hasFailed: false };
}

/** What the reader of an answer had got when it left. */
function upTo(alone: Answer, { tokens, scores, end }: Answer): Answer {
  const count = scores.logprobs.length;
  return {
    tokens: alone.tokens.slice(0, tokens.length),
    scores: {
      logprobs: alone.scores.logprobs.slice(0, count),
      ranks: alone.scores.ranks.slice(0, count),
      topTokenIds: alone.scores.topTokenIds.slice(0, scores.topTokenIds.length),
    },
    end: end === null ? null : alone.end,
    hasFailed: alone.hasFailed,
  };
}

function take({ tokens, promptScores, failures }: StepResult, answers: ReadonlyMap<number, Answer>): void {
  for (const { sequenceId, tokenId, logprobs, finishReason } of tokens) {
    const answer = answers.get(sequenceId)!;
    assert(answer.end === null, `sequence ${sequenceId} has ended and says more`);
    answer.tokens.push({ tokenId, logprobs });
    answer.end = finishReason;
  }
  for (const { sequenceId, scores } of promptScores) {
    const answer = answers.get(sequenceId)!;
    answer.scores.logprobs.push(...scores.logprobs);
    answer.scores.ranks.push(...scores.ranks);
    answer.scores.topTokenIds.push(...scores.topTokenIds);
  }
  for (const { sequenceId, code, message } of failures) {
    const answer = answers.get(sequenceId)!;
    answer.end = `${code}: ${message}`;
    answer.hasFailed = true;
  }
}
