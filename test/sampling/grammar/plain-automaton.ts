/**
 * Follows a compiled grammar in the plain way, from its arrays alone: every way of reading at every byte, each token by
 * itself, nothing remembered and nothing tried first.
 */

import {
  EDGE_BYTES,
  EDGE_CALL,
  EDGE_EMPTY,
  EDGE_SIZE,
  EDGE_TOKEN,
  type GrammarProgram,
  STATE_FINAL,
} from '../../../src/sampling/grammar/grammar-program.ts';

/** A state, and the states that the rules that were entered return to, innermost last. */
type Way = { readonly state: number; readonly returns: readonly number[] };

export type PlainPlace = { readonly ways: readonly Way[]; readonly isFinal: boolean };

type Edge = { readonly kind: number; readonly first: number; readonly second: number; readonly to: number };

export class PlainAutomaton {
  readonly #program: GrammarProgram;

  constructor(program: GrammarProgram) {
    this.#program = program;
  }

  get start(): PlainPlace {
    return this.#closed([{ state: this.#program.start, returns: [] }]);
  }

  /** @returns null where the token fits neither whole nor as its bytes, of which there may be none. */
  afterToken(place: PlainPlace, tokenId: number, bytes: Uint8Array): PlainPlace | null {
    const whole = this.#moved(place, ({ kind, first }) => kind === EDGE_TOKEN && first === tokenId);
    let text: PlainPlace | null = bytes.length === 0 ? null : place;
    for (const byte of bytes) {
      if (text === null) break;
      text = this.#moved(
        text,
        ({ kind, first, second }) => kind === EDGE_BYTES && first <= byte && byte <= second,
      );
    }
    if (whole === null || text === null) return whole ?? text;
    return { ways: [...whole.ways, ...text.ways], isFinal: whole.isFinal || text.isFinal };
  }

  #moved(place: PlainPlace, takes: (edge: Edge) => boolean): PlainPlace | null {
    const targets = place.ways.flatMap(({ state, returns }) =>
      this.#edgesOf(state)
        .filter(takes)
        .map(({ to }) => ({ state: to, returns })),
    );
    return targets.length === 0 ? null : this.#closed(targets);
  }

  #closed(targets: readonly Way[]): PlainPlace {
    const ways = new Map<string, Way>();
    let isFinal = false;
    const add = (way: Way): void => {
      const key = `${way.state}:${way.returns}`;
      if (ways.has(key)) return;
      ways.set(key, way);
      if ((this.#program.flags[way.state]! & STATE_FINAL) !== 0) {
        if (way.returns.length === 0) isFinal = true;
        else add({ state: way.returns.at(-1)!, returns: way.returns.slice(0, -1) });
      }
      for (const { kind, first, to } of this.#edgesOf(way.state)) {
        if (kind === EDGE_EMPTY) add({ state: to, returns: way.returns });
        if (kind === EDGE_CALL) add({ state: first, returns: [...way.returns, to] });
      }
    };
    targets.forEach(add);
    return { ways: [...ways.values()], isFinal };
  }

  #edgesOf(state: number): Edge[] {
    const { edgeStart, edges } = this.#program;
    const list: Edge[] = [];
    for (
      let edge = EDGE_SIZE * edgeStart[state]!;
      edge < EDGE_SIZE * edgeStart[state + 1]!;
      edge += EDGE_SIZE
    ) {
      list.push({
        kind: edges[edge]!,
        first: edges[edge + 1]!,
        second: edges[edge + 2]!,
        to: edges[edge + 3]!,
      });
    }
    return list;
  }
}
