/**
 * Collects the readings that one input leads to and follows from them everything that takes no input. One instance is used
 * over and over: what it holds counts until the next `begin`.
 */

import { GRAMMAR_DEPTH_MAX } from '../../base/grammar-limits.ts';
import {
  EDGE_CALL,
  EDGE_EMPTY,
  EDGE_SIZE,
  EDGE_TOKEN,
  type GrammarProgram,
  STATE_FINAL,
  STATE_RETURNS,
} from './grammar-program.ts';
import { ReadingList, type Readings } from './readings.ts';
import type { ReturnStack, ReturnStacks } from './return-stacks.ts';

export class ReadingClosure {
  readonly #program: GrammarProgram;
  readonly #stacks: ReturnStacks;
  readonly #vocabularySize: number;
  /** In the order in which they were reached, each once. */
  readonly #reached = new ReadingList();
  /** Those that go on: with bytes or tokens. */
  readonly going = new ReadingList();
  readonly tokenIds = new Set<number>();
  isFinal = false;
  /** Readings that were looked at so far, by all turns: what following inputs costs. */
  workCount = 0;

  /**
   * [stateCount] The `#turn` in which a program's state was reached last, and with which stack first. 32 bits would be full in days
   * of a busy grammar, and every state then taken for one that was not reached.
   */
  readonly #turns: Float64Array;
  readonly #firstStacks: (ReturnStack | null)[];
  #turn = 0;
  /** Readings whose state was reached with another stack before. */
  readonly #others = new Set<number>();

  /** @param options.vocabularySize of the model: tokens beyond it are left out. */
  constructor(
    program: GrammarProgram,
    options: { readonly stacks: ReturnStacks; readonly vocabularySize: number },
  ) {
    this.#program = program;
    this.#stacks = options.stacks;
    this.#vocabularySize = options.vocabularySize;
    this.#turns = new Float64Array(program.stateCount);
    this.#firstStacks = new Array<ReturnStack | null>(program.stateCount).fill(null);
  }

  get reachedCount(): number {
    return this.#reached.length;
  }

  begin(): void {
    this.#turn++;
    this.#others.clear();
    this.#reached.clear();
    this.going.clear();
    this.tokenIds.clear();
    this.isFinal = false;
  }

  /** Adds the targets of all the reading's edges that take this byte, or this token. */
  follow(state: number, stack: ReturnStack, kind: number, input: number): void {
    const { edgeStart, edges } = this.#program;
    this.workCount++;
    const end = EDGE_SIZE * edgeStart[state + 1]!;
    for (let edge = EDGE_SIZE * edgeStart[state]!; edge < end; edge += EDGE_SIZE) {
      if (edges[edge] === kind && takes(edges, edge, input)) this.addKnown(edges[edge + 3]!, stack);
    }
  }

  /** @param stack one that may have been forgotten. */
  addKnown(state: number, stack: ReturnStack): void {
    this.#add(state, this.#stacks.known(stack));
  }

  addAll({ states, stacks }: Readings): void {
    for (let index = 0; index < stacks.length; index++) this.addKnown(states[index]!, stacks[index]!);
  }

  /**
   * Follows everything that takes no input.
   * @returns false when there is more than `reachedMax`, or `goingMax` of those that go on: then it is not all.
   */
  close(reachedMax: number, goingMax: number): boolean {
    const { flags } = this.#program;
    const reached = this.#reached;
    for (let index = 0; index < reached.length; index++) {
      if (index === reachedMax || this.going.length > goingMax) return false;
      this.workCount++;
      const state = reached.states[index]!;
      const stack = reached.stacks[index]!;
      if ((flags[state]! & STATE_FINAL) !== 0) {
        if (stack.parent === null) this.isFinal = true;
        else this.#add(stack.returnState, stack.parent);
      }
      if (this.#expand(state, stack)) this.going.push(state, stack);
    }
    return true;
  }

  /** Whether those that go on are these. @param readings each of which goes on, with stacks that are known */
  isOf({ states, stacks }: Readings): boolean {
    if (stacks.length !== this.going.length) return false;
    for (let index = 0; index < stacks.length; index++) {
      if (!this.#has(states[index]!, stacks[index]!)) return false;
    }
    return true;
  }

  #has(state: number, stack: ReturnStack): boolean {
    if (this.#turns[state] !== this.#turn) return false;
    return this.#firstStacks[state] === stack || this.#others.has(this.#keyOf(state, stack));
  }

  /** Lets go of what it holds beyond the next `begin`. */
  forget(): void {
    this.#firstStacks.fill(null);
    this.#reached.forget();
    this.going.forget();
  }

  /** @returns whether the state itself takes input. */
  #expand(state: number, stack: ReturnStack): boolean {
    const { edgeStart, edges } = this.#program;
    let takesInput = false;
    const end = EDGE_SIZE * edgeStart[state + 1]!;
    for (let edge = EDGE_SIZE * edgeStart[state]!; edge < end; edge += EDGE_SIZE) {
      const kind = edges[edge]!;
      const operand = edges[edge + 1]!;
      if (kind === EDGE_EMPTY) this.#add(edges[edge + 3]!, stack);
      else if (kind === EDGE_CALL) this.#call(operand, edges[edge + 3]!, stack);
      else {
        takesInput = true;
        if (kind === EDGE_TOKEN && operand < this.#vocabularySize) this.tokenIds.add(operand);
      }
    }
    return takesInput;
  }

  #call(rule: number, target: number, stack: ReturnStack): void {
    if ((this.#program.flags[target]! & STATE_RETURNS) !== 0) this.#add(rule, stack);
    else if (this.#canEnd(target, stack.depth) && this.#canEnd(rule, stack.depth + 1)) {
      this.#add(rule, this.#stacks.push(stack, target));
    }
  }

  /** Leaves out what needs more levels of rules than are left, so that every reading can be brought to an end. */
  #add(state: number, stack: ReturnStack): void {
    if (!this.#canEnd(state, stack.depth)) return;
    if (this.#turns[state] !== this.#turn) {
      this.#turns[state] = this.#turn;
      this.#firstStacks[state] = stack;
    } else {
      if (this.#firstStacks[state] === stack) return;
      const key = this.#keyOf(state, stack);
      if (this.#others.has(key)) return;
      this.#others.add(key);
    }
    this.#reached.push(state, stack);
  }

  #keyOf(state: number, stack: ReturnStack): number {
    return stack.id * this.#program.stateCount + state;
  }

  /** Whether the state's rule can end when so many rules around it are entered. */
  #canEnd(state: number, depth: number): boolean {
    return depth + this.#program.levels[state]! <= GRAMMAR_DEPTH_MAX;
  }
}

/** Whether an edge of bytes, or of a token, takes this one. */
function takes(edges: Int32Array, edge: number, input: number): boolean {
  if (edges[edge] === EDGE_TOKEN) return edges[edge + 1] === input;
  return edges[edge + 1]! <= input && input <= edges[edge + 2]!;
}
