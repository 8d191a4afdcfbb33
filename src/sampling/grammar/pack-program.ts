/**
 * From a heap of edges to a `GrammarProgram`: drops what cannot be reached or cannot end, refuses left recursion and what
 * is too deep, finds the classes of bytes, lays the arrays out. Linear in the number of edges.
 */

import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_DEPTH_MAX } from '../../base/grammar-limits.ts';
import {
  EDGE_BYTES,
  EDGE_CALL,
  EDGE_EMPTY,
  EDGE_SIZE,
  type GrammarProgram,
  STATE_FINAL,
  STATE_RETURNS,
} from './grammar-program.ts';
import { findLeftRecursion } from './left-recursion.ts';
import { levelsNeeded } from './rule-levels.ts';
import { sharedArray } from './shared-arrays.ts';

export type RawProgram = {
  readonly start: number;
  readonly stateCount: number;
  /** Five numbers each: from, kind, two operands, target. */
  readonly edges: readonly number[];
  readonly finals: readonly number[];
  readonly ruleNames: ReadonlyMap<number, string>;
  /** Starts of the rules that something has to fit, and the field each of them comes from, where it is known. */
  readonly demands: ReadonlyMap<number, string | null>;
};

const FROM = 0;
const KIND = 1;
const FIRST = 2;
const SECOND = 3;
const TARGET = 4;
/** Numbers a raw edge. */
export const RAW_EDGE_SIZE = 5;

/** @throws ServerError when nothing fits, or only what is too deep; or a rule begins with itself. */
export function packProgram(raw: RawProgram): GrammarProgram {
  const canEnd = reachesEnd(raw);
  for (const [state, param] of raw.demands) if (canEnd[state] === 0) throw nothingFits(param);
  if (canEnd[raw.start] === 0) throw nothingFits(null);
  const kept = keptEdges(raw, canEnd);
  const originals = reachableStates(raw, kept);
  const program = layOut(raw, kept, originals);
  const recursive = findLeftRecursion(program);
  if (recursive !== null) {
    const name = raw.ruleNames.get(originals[recursive]!) ?? 'a rule';
    const message = `The grammar cannot be used: ${name} begins with itself (left recursion).`;
    throw new ServerError('invalid_request', message);
  }
  refuseTooDeep(raw, program, originals);
  return program;
}

function refuseTooDeep(
  raw: RawProgram,
  { levels, start }: GrammarProgram,
  originals: readonly number[],
): void {
  const isTooDeep = (state: number): boolean => levels[state]! > GRAMMAR_DEPTH_MAX;
  const demanded = originals.findIndex((original, state) => raw.demands.has(original) && isTooDeep(state));
  if (demanded < 0 && !isTooDeep(start)) return;
  const param = demanded < 0 ? null : raw.demands.get(originals[demanded]!)!;
  const message = `The grammar is nested too deep: whatever fits it takes more than ${GRAMMAR_DEPTH_MAX} levels of rules.`;
  throw new ServerError('invalid_request', message, param === null ? {} : { param });
}

function nothingFits(param: string | null): ServerError {
  const message = 'Nothing can fit the grammar: its demands contradict each other.';
  return new ServerError('invalid_request', message, param === null ? {} : { param });
}

/** States from which an end can be reached. An edge that calls a rule needs the rule's own end as well. */
function reachesEnd(raw: RawProgram): Uint8Array {
  const { edges, stateCount, finals } = raw;
  const { first, next } = edgesByNeed(raw);
  const mark = new Uint8Array(stateCount);
  const work = [...finals];
  for (const state of finals) mark[state] = 1;
  while (work.length > 0) {
    for (let entry = first[work.pop()!]!; entry >= 0; entry = next[entry]!) {
      const edge = RAW_EDGE_SIZE * (entry >> 1);
      const from = edges[edge + FROM]!;
      if (mark[from] === 1 || !isUsable(edges, edge, mark)) continue;
      mark[from] = 1;
      work.push(from);
    }
  }
  return mark;
}

function isUsable(edges: readonly number[], edge: number, canEnd: Uint8Array): boolean {
  if (canEnd[edges[edge + TARGET]!] === 0) return false;
  return edges[edge + KIND] !== EDGE_CALL || canEnd[edges[edge + FIRST]!] === 1;
}

/** Linked lists: of each state, the edges that lead to it (entry 2e) or call the rule that it starts (entry 2e + 1). */
function edgesByNeed({ edges, stateCount }: RawProgram): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(stateCount).fill(-1);
  const next = new Int32Array((2 * edges.length) / RAW_EDGE_SIZE);
  const link = (state: number, entry: number): void => {
    next[entry] = first[state]!;
    first[state] = entry;
  };
  for (let edge = 0; edge < edges.length; edge += RAW_EDGE_SIZE) {
    const entry = (2 * edge) / RAW_EDGE_SIZE;
    link(edges[edge + TARGET]!, entry);
    if (edges[edge + KIND] === EDGE_CALL) link(edges[edge + FIRST]!, entry + 1);
  }
  return { first, next };
}

/** Usable edges in order of their states: offsets into `raw.edges`. */
type KeptEdges = { readonly start: Int32Array; readonly offsets: Int32Array };

function keptEdges({ edges, stateCount }: RawProgram, canEnd: Uint8Array): KeptEdges {
  const start = new Int32Array(stateCount + 1);
  const usable: number[] = [];
  for (let edge = 0; edge < edges.length; edge += RAW_EDGE_SIZE) {
    if (!isUsable(edges, edge, canEnd)) continue;
    usable.push(edge);
    start[edges[edge + FROM]! + 1]!++;
  }
  for (let state = 0; state < stateCount; state++) start[state + 1]! += start[state]!;
  const place = start.slice();
  const offsets = new Int32Array(usable.length);
  for (const edge of usable) offsets[place[edges[edge + FROM]!]!++] = edge;
  return { start, offsets };
}

/** In the order in which they get their new numbers; the root's start is the first. */
function reachableStates({ start, stateCount, edges }: RawProgram, kept: KeptEdges): number[] {
  const seen = new Uint8Array(stateCount);
  const order: number[] = [];
  const visit = (state: number): void => {
    if (seen[state] === 1) return;
    seen[state] = 1;
    order.push(state);
  };
  visit(start);
  for (let index = 0; index < order.length; index++) {
    const state = order[index]!;
    for (let i = kept.start[state]!; i < kept.start[state + 1]!; i++) {
      const edge = kept.offsets[i]!;
      visit(edges[edge + TARGET]!);
      if (edges[edge + KIND] === EDGE_CALL) visit(edges[edge + FIRST]!);
    }
  }
  return order;
}

function layOut(raw: RawProgram, kept: KeptEdges, originals: readonly number[]): GrammarProgram {
  const stateCount = originals.length;
  const numberOf = new Int32Array(raw.stateCount).fill(-1);
  originals.forEach((original, state) => {
    numberOf[original] = state;
  });
  const edgeStart = sharedArray(Int32Array, stateCount + 1);
  for (let state = 0; state < stateCount; state++) {
    const original = originals[state]!;
    edgeStart[state + 1] = edgeStart[state]! + kept.start[original + 1]! - kept.start[original]!;
  }
  const edges = sharedArray(Int32Array, EDGE_SIZE * edgeStart[stateCount]!);
  let place = 0;
  for (const original of originals) {
    for (let i = kept.start[original]!; i < kept.start[original + 1]!; i++, place += EDGE_SIZE) {
      const edge = kept.offsets[i]!;
      const kind = raw.edges[edge + KIND]!;
      const operand = raw.edges[edge + FIRST]!;
      edges[place] = kind;
      edges[place + 1] = kind === EDGE_CALL ? numberOf[operand]! : operand;
      edges[place + 2] = raw.edges[edge + SECOND]!;
      edges[place + 3] = numberOf[raw.edges[edge + TARGET]!]!;
    }
  }
  const flags = stateFlags({ raw, numberOf, edgeStart, edges });
  const program = { start: 0, stateCount, edgeStart, edges, flags, ...byteClasses(edges) };
  return { ...program, levels: levelsNeeded(program) };
}

type Parts = {
  readonly raw: RawProgram;
  readonly numberOf: Int32Array;
  readonly edgeStart: Int32Array;
  readonly edges: Int32Array;
};

/** A state returns when it is final without edges, or has nothing but an empty edge to one that returns. */
function stateFlags({ raw, numberOf, edgeStart, edges }: Parts): Uint8Array {
  const stateCount = edgeStart.length - 1;
  const flags = sharedArray(Uint8Array, stateCount);
  for (const original of raw.finals) {
    const state = numberOf[original]!;
    if (state < 0) continue;
    flags[state] = STATE_FINAL;
    if (edgeStart[state] === edgeStart[state + 1]) flags[state]! |= STATE_RETURNS;
  }
  for (let state = 0; state < stateCount; state++) {
    const path = soleEmptyMoves(state, { edgeStart, edges });
    if ((flags[path.at(-1)!]! & STATE_RETURNS) === 0) continue;
    for (const each of path) flags[each]! |= STATE_RETURNS;
  }
  return flags;
}

/** The state, and those that it becomes because nothing else is possible; a few at most. */
function soleEmptyMoves(first: number, { edgeStart, edges }: Pick<Parts, 'edgeStart' | 'edges'>): number[] {
  const path = [first];
  while (path.length < RETURN_CHAIN_MAX) {
    const state = path.at(-1)!;
    const edge = EDGE_SIZE * edgeStart[state]!;
    if (edgeStart[state + 1]! - edgeStart[state]! !== 1 || edges[edge] !== EDGE_EMPTY) break;
    path.push(edges[edge + 3]!);
  }
  return path;
}

/** Longer chains are only followed later, when they are met. */
const RETURN_CHAIN_MAX = 8;

/** Bytes between two neighbouring borders of edges' ranges are on the same edges. */
function byteClasses(edges: Int32Array): { byteClass: Uint8Array; classCount: number } {
  const begins = new Uint8Array(257);
  for (let edge = 0; edge < edges.length; edge += EDGE_SIZE) {
    if (edges[edge] !== EDGE_BYTES) continue;
    begins[edges[edge + 1]!] = 1;
    begins[edges[edge + 2]! + 1] = 1;
  }
  const byteClass = sharedArray(Uint8Array, 256);
  let current = 0;
  for (let byte = 0; byte < 256; byte++) {
    if (byte > 0 && begins[byte] === 1) current++;
    byteClass[byte] = current;
  }
  return { byteClass, classCount: current + 1 };
}
