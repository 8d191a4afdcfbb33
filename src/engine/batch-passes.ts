/**
 * Cuts a step into several runs of the graph where one would be mostly padding. The graph pads every decode tile to the
 * longest past of all, and every prefill tile to the widest (see `graph/gathered-attention.ts`): one long sequence among
 * many short ones would cost as much as many long ones, in time and in memory. Rows are independent, so a step may
 * be computed in passes; each costs another walk through the weights. Pure; knows nothing of ONNX.
 */

import { LogitsQuery } from '../sampling/step-logits.ts';
import { TILE_TOKENS_MAX } from './gathered-feeds.ts';
import type { StepOutcome } from './model-runner.ts';
import type { StepBatch } from './step-batch.ts';

/** Padding, in cells, that costs less than one more pass: a walk through the weights pays for so much. */
export type PassCosts = {
  /** Keys of the past, gathered for one decoding row. */
  readonly decodeCells: number;
  /** Scores, one for each query and key of a prefill tile. */
  readonly prefillCells: number;
};

/** Cells that are computed for each one that is needed, where more passes would avoid them. */
const PADDING_MAX = 2;

/** Rows of each pass, ascending; `null` when the whole batch is one pass. */
export function planPasses(batch: StepBatch, costs: PassCosts): readonly (readonly number[])[] | null {
  const decodes: number[] = [];
  const prefills: number[] = [];
  for (let row = 0; row < batch.rowCount; row++) (lengthOf(batch, row) === 1 ? decodes : prefills).push(row);
  const groups = [
    group(
      decodes,
      (rows) => decodeArea(batch, rows),
      costs.decodeCells,
      (row) => batch.pastLength[row]!,
    ),
    group(
      prefills,
      (rows) => prefillArea(batch, rows),
      costs.prefillCells,
      (row) => keysOf(batch, row),
    ),
  ] as const;
  const passCount = Math.max(groups[0].length, groups[1].length);
  if (passCount <= 1) return null;
  return Array.from({ length: passCount }, (_, pass) =>
    [...(groups[0][pass] ?? []), ...(groups[1][pass] ?? [])].sort((a, b) => a - b),
  );
}

/** Cells that a set of rows needs, and those that are computed for it. */
export type Area = { readonly needed: number; readonly computed: number };

export function decodeArea(batch: StepBatch, rows: readonly number[]): Area {
  let needed = 0;
  let longest = 0;
  for (const row of rows) {
    needed += batch.pastLength[row]!;
    longest = Math.max(longest, batch.pastLength[row]!);
  }
  return { needed, computed: rows.length * longest };
}

export function prefillArea(batch: StepBatch, rows: readonly number[]): Area {
  let needed = 0;
  let [longestPast, longest] = [0, 1];
  for (const row of rows) {
    needed += lengthOf(batch, row) * keysOf(batch, row);
    longestPast = Math.max(longestPast, batch.pastLength[row]!);
    longest = Math.max(longest, lengthOf(batch, row));
  }
  const tileTokens = Math.min(longest, TILE_TOKENS_MAX);
  let tokens = 0;
  for (const row of rows) tokens += Math.ceil(lengthOf(batch, row) / tileTokens) * tileTokens;
  return { needed, computed: tokens * (longestPast + longest) };
}

/** Rows from the largest down, each joining the one before it while the padding is bearable. */
function group(
  rows: readonly number[],
  areaOf: (rows: readonly number[]) => Area,
  freeCells: number,
  sizeOf: (row: number) => number,
): readonly (readonly number[])[] {
  if (isBearable(areaOf(rows), freeCells)) return rows.length > 0 ? [rows] : [];
  const groups: number[][] = [];
  for (const row of rows.toSorted((a, b) => sizeOf(b) - sizeOf(a))) {
    const last = groups.at(-1);
    if (last !== undefined && isBearable(areaOf([...last, row]), freeCells)) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

function isBearable({ needed, computed }: Area, freeCells: number): boolean {
  return computed <= PADDING_MAX * needed + freeCells;
}

/** The part of a step that one pass computes, and where its answers belong. */
export type Pass = {
  readonly batch: StepBatch;
  readonly query: LogitsQuery;
  /** [tokens of the pass] index among the tokens of the step. */
  readonly tokensOfStep: readonly number[];
  /** [sampled rows of the pass] index among the sampled rows of the step. */
  readonly sampledOfStep: readonly number[];
  /** By index in the pass's query: index in the step's. */
  readonly normalisersOfStep: readonly number[];
  readonly readsOfStep: readonly number[];
  readonly fullRowsOfStep: readonly number[];
};

/** Copies the rows of one pass out of a step. */
export function takePass(batch: StepBatch, query: LogitsQuery, rows: readonly number[]): Pass {
  const tokensOfStep = rows.flatMap((row) => tokensOf(batch, row));
  const placeOfToken = new Map(tokensOfStep.map((token, place) => [token, place]));
  const sampledOfStep: number[] = [];
  for (let sampled = 0; sampled < batch.sampledCount; sampled++) {
    if (placeOfToken.has(batch.sampledTokens[sampled]!)) sampledOfStep.push(sampled);
  }
  const pick = (from: Int32Array): Int32Array => Int32Array.from(tokensOfStep, (token) => from[token]!);
  const width = batch.blockTableWidth;
  let end = 0;
  const taken: StepBatch = {
    rowCount: rows.length,
    tokenCount: tokensOfStep.length,
    tokenIds: pick(batch.tokenIds),
    positions: pick(batch.positions),
    slots: pick(batch.slots),
    rowStart: Int32Array.from([0, ...rows.map((row) => (end += lengthOf(batch, row)))]),
    pastLength: Int32Array.from(rows, (row) => batch.pastLength[row]!),
    blockTable: Int32Array.from(
      rows.flatMap((row) => [...batch.blockTable.subarray(row * width, (row + 1) * width)]),
    ),
    blockTableWidth: width,
    sampledTokens: Int32Array.from(
      sampledOfStep,
      (sampled) => placeOfToken.get(batch.sampledTokens[sampled]!)!,
    ),
    sampledCount: sampledOfStep.length,
  };
  return { batch: taken, tokensOfStep, sampledOfStep, ...takeQuery(query, sampledOfStep) };
}

function takeQuery(query: LogitsQuery, sampledOfStep: readonly number[]) {
  const rowInPass = new Map(sampledOfStep.map((sampled, row) => [sampled, row]));
  const taken = new LogitsQuery();
  const normalisersOfStep: number[] = [];
  for (let i = 0; i < query.normaliserCount; i++) {
    const row = rowInPass.get(query.normaliserRow[i]!);
    if (row === undefined) continue;
    // The reciprocal is copied, not computed again: it must not depend on the pass.
    taken.normaliserInverseTemperature[taken.addNormaliser(row, 1)] = query.normaliserInverseTemperature[i]!;
    normalisersOfStep.push(i);
  }
  const readsOfStep: number[] = [];
  for (let i = 0; i < query.readCount; i++) {
    const row = rowInPass.get(query.readRowAndToken[2 * i]!);
    if (row === undefined) continue;
    taken.addRead(row, query.readRowAndToken[2 * i + 1]!);
    readsOfStep.push(i);
  }
  const fullRowsOfStep: number[] = [];
  for (let i = 0; i < query.fullRowCount; i++) {
    const row = rowInPass.get(query.fullRow[i]!);
    if (row === undefined) continue;
    taken.addFullRow(row);
    fullRowsOfStep.push(i);
  }
  return { query: taken, normalisersOfStep, readsOfStep, fullRowsOfStep };
}

/** Puts the answers of all passes together as if the step had been one. */
export function joinOutcomes(
  step: { readonly batch: StepBatch; readonly query: LogitsQuery },
  answers: readonly { readonly pass: Pass; readonly outcome: StepOutcome }[],
): StepOutcome {
  const { vocabularySize, candidateCount } = answers[0]!.outcome;
  const { batch, query } = step;
  const joined = {
    vocabularySize,
    candidateCount,
    candidateLogits: new Float32Array(batch.sampledCount * candidateCount),
    candidateIds: new Int32Array(batch.sampledCount * candidateCount),
    normalisers: new Float32Array(query.normaliserCount),
    reads: new Float32Array(query.readCount),
    fullRows: new Float32Array(query.fullRowCount * vocabularySize),
    brokenTokens: answers.flatMap(({ pass, outcome }) =>
      outcome.brokenTokens.map((token) => pass.tokensOfStep[token]!),
    ),
  };
  for (const { pass, outcome } of answers) {
    place(outcome.candidateLogits, joined.candidateLogits, pass.sampledOfStep, candidateCount);
    place(outcome.candidateIds, joined.candidateIds, pass.sampledOfStep, candidateCount);
    place(outcome.normalisers, joined.normalisers, pass.normalisersOfStep, 1);
    place(outcome.reads, joined.reads, pass.readsOfStep, 1);
    place(outcome.fullRows, joined.fullRows, pass.fullRowsOfStep, vocabularySize);
  }
  return joined;
}

/** Entry i of `from`, `size` numbers, becomes entry `indices[i]` of `to`. */
function place<T extends Float32Array | Int32Array>(
  from: T,
  to: T,
  indices: readonly number[],
  size: number,
): void {
  for (const [i, index] of indices.entries()) to.set(from.subarray(i * size, (i + 1) * size), index * size);
}

function tokensOf(batch: StepBatch, row: number): number[] {
  return Array.from({ length: lengthOf(batch, row) }, (_, i) => batch.rowStart[row]! + i);
}

function lengthOf(batch: StepBatch, row: number): number {
  return batch.rowStart[row + 1]! - batch.rowStart[row]!;
}

/** Keys that the row's last token sees. */
function keysOf(batch: StepBatch, row: number): number {
  return batch.pastLength[row]! + lengthOf(batch, row);
}
