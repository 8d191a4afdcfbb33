/**
 * Stands in for graph and engine in the sampler's tests: answers a query for given rows as the graph does, and
 * runs a row again whole when the candidates do not decide.
 */

import { CANDIDATE_COUNT } from '../../src/base/limits.ts';
import type { Speculation } from '../../src/sampling/draft-lookup.ts';
import type { GrammarCursor } from '../../src/sampling/grammar/grammar-cursor.ts';
import { GREEDY, type SampledToken, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { SamplingWorkspace } from '../../src/sampling/sampling-workspace.ts';
import { SequenceSampler } from '../../src/sampling/sequence-sampler.ts';
import { LogitsQuery, NORMALISER_ERROR_MAX, type StepLogits } from '../../src/sampling/step-logits.ts';

export type AnswerOptions = {
  /** From -1 to 1: part of the allowed error by which normalisers are off. */
  readonly normaliserError?: number;
};

/** What the graph returns for `rows`. */
export function answer(
  rows: readonly Float32Array[],
  query: LogitsQuery,
  { normaliserError = 0 }: AnswerOptions = {},
): StepLogits {
  const vocabularySize = rows[0]!.length;
  const candidateCount = Math.min(CANDIDATE_COUNT, vocabularySize);
  const candidates = rows.map((row) => ranking(row).slice(0, candidateCount));
  const normalisers = Float32Array.from({ length: query.normaliserCount }, (_, i) => {
    const exact = logSumExp(rows[query.normaliserRow[i]!]!, query.normaliserInverseTemperature[i]!);
    const { absolute, relative } = NORMALISER_ERROR_MAX;
    // Half of the relative part is left for the rounding of this array.
    return exact + normaliserError * (absolute + (relative / 2) * Math.abs(exact));
  });
  const fullRows = new Float32Array(query.fullRowCount * vocabularySize);
  for (let i = 0; i < query.fullRowCount; i++) fullRows.set(rows[query.fullRow[i]!]!, i * vocabularySize);
  return {
    vocabularySize,
    candidateCount,
    candidateIds: Int32Array.from(candidates.flat()),
    candidateLogits: Float32Array.from(candidates.flatMap((ids, row) => ids.map((id) => rows[row]![id]!))),
    normalisers,
    reads: Float32Array.from({ length: query.readCount }, (_, i) => {
      return rows[query.readRowAndToken[2 * i]!]![query.readRowAndToken[2 * i + 1]!]!;
    }),
    fullRows,
  };
}

function ranking(row: Float32Array): number[] {
  return Array.from(row.keys()).sort((a, b) => (row[a] === row[b] ? a - b : row[b]! > row[a]! ? 1 : -1));
}

export function logSumExp(row: Float32Array, inverseTemperature: number): number {
  const top = row.reduce((a, b) => Math.max(a, b));
  const sum = row.reduce((total, logit) => total + Math.exp((logit - top) * inverseTemperature), 0);
  return Math.log(sum) + top * inverseTemperature;
}

export type SamplerOptions = {
  readonly sampling: Partial<SamplingParams>;
  readonly vocabularySize: number;
  readonly promptTokenIds?: readonly number[];
  readonly outputTokenIds?: readonly number[];
  readonly stopTokenIds?: readonly number[];
  readonly newTokensMin?: number;
  readonly grammar?: GrammarCursor;
  readonly predictedTokenIds?: readonly number[];
  readonly speculation?: Speculation;
};

export function aSampler(options: SamplerOptions): SequenceSampler {
  const sampler = new SequenceSampler(
    {
      sampling: { ...GREEDY, ...options.sampling },
      promptTokenIds: Int32Array.from(options.promptTokenIds ?? [0]),
      stopTokenIds: options.stopTokenIds ?? [],
      newTokensMin: options.newTokensMin ?? 0,
      grammar: options.grammar ?? null,
      predictedTokenIds: options.predictedTokenIds ? Int32Array.from(options.predictedTokenIds) : null,
      speculation: options.speculation ?? 'off',
    },
    new SamplingWorkspace(options.vocabularySize),
  );
  for (const tokenId of options.outputTokenIds ?? []) sampler.accept(tokenId);
  return sampler;
}

/** One run. @returns null when the candidates do not decide. */
export function chooseOnce(
  sampler: SequenceSampler,
  row: Float32Array,
  options: AnswerOptions & { readonly wholeRow: boolean },
): SampledToken | null {
  const query = new LogitsQuery();
  sampler.prepare(0, query, options);
  return sampler.choose(0, answer([row], query, options));
}

/** As the engine does it. */
export function choose(sampler: SequenceSampler, row: Float32Array): SampledToken {
  return chooseOnce(sampler, row, { wholeRow: false }) ?? chooseOnce(sampler, row, { wholeRow: true })!;
}
