/**
 * Collects states and edges of a grammar, within bounds, and packs them: what cannot lead to an end is cut off, and how deep
 * the way to one goes is found out, so that an output which has fitted so far can always be brought to an end; left
 * recursion is refused. Knows neither schemas nor expressions.
 */

import { assert } from '../../base/assert.ts';
import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_EDGES_MAX, GRAMMAR_STATES_MAX } from '../../base/grammar-limits.ts';
import { type CodePoints, utf8Sequences } from './code-points.ts';
import { EDGE_BYTES, EDGE_CALL, EDGE_EMPTY, EDGE_TOKEN, type GrammarProgram } from './grammar-program.ts';
import { packProgram, RAW_EDGE_SIZE } from './pack-program.ts';

/** A rule is entered at `start` and left at `end`, which has no edges. */
export type Rule = { readonly start: number; readonly end: number };

const encoder = new TextEncoder();

export class ProgramBuilder {
  readonly #edges: number[] = [];
  readonly #finals: number[] = [];
  readonly #ruleNames = new Map<number, string>();
  readonly #demands = new Map<number, string | null>();
  /** States inside of characters, by what is left of the character. */
  readonly #tails = new Map<string, number>();
  #stateCount = 0;

  get stateCount(): number {
    return this.#stateCount;
  }

  /** How much of what a grammar may have is used: 1 is all of it. */
  get share(): number {
    const edgeCount = this.#edges.length / RAW_EDGE_SIZE;
    return Math.max(this.#stateCount / GRAMMAR_STATES_MAX, edgeCount / GRAMMAR_EDGES_MAX);
  }

  /** @throws ServerError when there are too many. */
  state(): number {
    if (this.#stateCount === GRAMMAR_STATES_MAX) {
      throw tooLarge(`needs more than ${GRAMMAR_STATES_MAX} states`);
    }
    return this.#stateCount++;
  }

  /** @param name for error messages. */
  rule(name: string): Rule {
    const rule = { start: this.state(), end: this.state() };
    this.#finals.push(rule.end);
    this.#ruleNames.set(rule.start, name);
    return rule;
  }

  /** Refuses the grammar when nothing fits the rule, though it may have other ways. @param param the field to name. */
  demand({ start }: Rule, param: string | null): void {
    this.#demands.set(start, param);
  }

  bytes(from: number, low: number, high: number, to: number): void {
    this.#add(from, EDGE_BYTES, low, high, to);
  }

  empty(from: number, to: number): void {
    this.#add(from, EDGE_EMPTY, 0, 0, to);
  }

  call(from: number, rule: Rule, to: number): void {
    this.#add(from, EDGE_CALL, rule.start, 0, to);
  }

  token(from: number, tokenId: number, to: number): void {
    this.#add(from, EDGE_TOKEN, tokenId, 0, to);
  }

  literal(from: number, text: string, to: number): void {
    // What is written most is a comma, a bracket, a quotation mark.
    const only = text.length === 1 ? text.charCodeAt(0) : 0x80;
    if (only < 0x80) {
      this.bytes(from, only, only, to);
      return;
    }
    const bytes = encoder.encode(text);
    if (bytes.length === 0) this.empty(from, to);
    let state = from;
    for (let i = 0; i < bytes.length; i++) {
      const next = i === bytes.length - 1 ? to : this.state();
      this.bytes(state, bytes[i]!, bytes[i]!, next);
      state = next;
    }
  }

  /** One character of the set. */
  character(from: number, set: CodePoints, to: number): void {
    for (const range of set) {
      for (const sequence of utf8Sequences(range)) {
        const [first, ...rest] = sequence;
        this.bytes(from, first!.low, first!.high, this.#tail(rest, to));
      }
    }
  }

  /** All of the items, one behind the other. @param write an item, from state to state */
  sequence<Item>(
    from: number,
    items: readonly Item[],
    write: (item: Item, from: number, to: number) => void,
    to: number,
  ): void {
    let state = from;
    for (const item of items) {
      const next = this.state();
      write(item, state, next);
      state = next;
    }
    this.empty(state, to);
  }

  /** So many items; of `max` null any number. @param from has no other edges @param write an item, from state to state */
  repeat(
    from: number,
    { min, max }: { readonly min: number; readonly max: number | null },
    write: (from: number, to: number) => void,
    to: number,
  ): void {
    let state = from;
    for (let count = 0; count < (max ?? min); count++) {
      if (count >= min) this.empty(state, to);
      const next = this.state();
      write(state, next);
      state = next;
    }
    this.empty(state, to);
    if (max === null) write(state, state);
  }

  /**
   * @param start of the root rule.
   * @throws ServerError when nothing fits the grammar or a demanded rule, or only what is too deep; or a rule begins with itself.
   */
  pack({ start }: Rule): GrammarProgram {
    const { stateCount } = this;
    return packProgram({
      start,
      stateCount,
      edges: this.#edges,
      finals: this.#finals,
      ruleNames: this.#ruleNames,
      demands: this.#demands,
    });
  }

  #tail(rest: readonly { low: number; high: number }[], to: number): number {
    if (rest.length === 0) return to;
    const key = `${to}:${rest.map(({ low, high }) => `${low}-${high}`).join()}`;
    const known = this.#tails.get(key);
    if (known !== undefined) return known;
    const state = this.state();
    this.#tails.set(key, state);
    this.bytes(state, rest[0]!.low, rest[0]!.high, this.#tail(rest.slice(1), to));
    return state;
  }

  #add(from: number, kind: number, a: number, b: number, to: number): void {
    assert(from >= 0 && to >= 0, 'edges join states');
    if (this.#edges.length === RAW_EDGE_SIZE * GRAMMAR_EDGES_MAX) {
      throw tooLarge(`needs more than ${GRAMMAR_EDGES_MAX} transitions`);
    }
    this.#edges.push(from, kind, a, b, to);
  }
}

/** A bound was hit; the caller names the field. */
export function tooLarge(what: string): ServerError {
  return new ServerError('invalid_request', `The grammar is too large: it ${what}.`);
}
