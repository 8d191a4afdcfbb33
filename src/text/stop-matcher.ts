/**
 * Watches one sequence's text for stop strings. Text is held back only while it may still become one, so that
 * nothing of a stop string is ever shown, and everything else is shown as soon as it can be.
 *
 * Every stop string has its own Knuth-Morris-Pratt automaton (Knuth, Morris, Pratt, SIAM J. Comput. 6, 1977):
 * a character is looked at once, whatever the text was cut into, and the automata's states are the lengths that
 * must be held back. Their number is bounded by `STOP_STRINGS_MAX`.
 */

export type StopResult = {
  /** To be shown now. */
  readonly text: string;
  /** A stop string is complete; nothing after it counts, and the matcher is done. */
  readonly matched: boolean;
};

type Automaton = {
  readonly pattern: string;
  /** [pattern length] longest proper prefix of pattern[0..i] that is also its suffix. */
  readonly failure: Int32Array;
  /** Characters of the pattern that the text seen so far ends with. */
  state: number;
};

/** Half of a surrogate pair by itself: no text holds it, so a stop string with one can never match. */
const LONE_SURROGATE = /\p{Surrogate}/u;

export class StopMatcher {
  readonly #automata: readonly Automaton[];
  /** Of the stop strings. */
  readonly #lengthMax: number;
  #held = '';

  /**
   * Of several stop strings, the one that is complete first counts; of those complete at the same character,
   * the longest. So the result does not depend on how the text was cut. Empty stop strings never match.
   */
  constructor(stops: readonly string[]) {
    this.#automata = stops
      .filter((stop) => stop !== '' && !LONE_SURROGATE.test(stop))
      .map((pattern) => ({ pattern, failure: failureTable(pattern), state: 0 }));
    this.#lengthMax = this.#automata.reduce((max, { pattern }) => Math.max(max, pattern.length), 0);
  }

  /** UTF-16 units that are held back. */
  get heldLength(): number {
    return this.#held.length;
  }

  push(delta: string): StopResult {
    if (this.#automata.length === 0) return { text: delta, matched: false };
    const heldLength = this.#held.length;
    for (let i = 0; i < delta.length; i++) {
      const matchedLength = this.#step(delta.charCodeAt(i));
      if (matchedLength === 0) continue;
      const text = (this.#held + delta).slice(0, heldLength + i + 1 - matchedLength);
      this.#held = '';
      return { text, matched: true };
    }
    let holdLength = 0;
    for (const automaton of this.#automata) holdLength = Math.max(holdLength, automaton.state);
    const pending = this.#held + delta;
    this.#held = pending.slice(pending.length - holdLength);
    return { text: pending.slice(0, pending.length - holdLength), matched: false };
  }

  /**
   * Whether a stop string would be complete in `text` if it came next, behind its first `from` units, of which this is
   * known not to be so. Nothing is taken in.
   */
  wouldMatch(text: string, from: number): boolean {
    const states = this.#automata.map(({ state }) => state);
    // What a stop string that ends behind `from` can begin with lies behind `start`, whatever was in front.
    const start = Math.max(0, from - this.#lengthMax);
    let matches = false;
    for (let i = start; i < text.length && !matches; i++) {
      matches = this.#step(text.charCodeAt(i)) > 0 && i >= from;
    }
    this.#automata.forEach((automaton, index) => {
      automaton.state = states[index]!;
    });
    return matches;
  }

  /** The sequence has ended without a stop string: what is still held back is text. */
  flush(): string {
    const text = this.#held;
    this.#held = '';
    for (const automaton of this.#automata) automaton.state = 0;
    return text;
  }

  /** @returns the length of the longest stop string that this character completes; 0 for none. */
  #step(unit: number): number {
    let matchedLength = 0;
    for (const automaton of this.#automata) {
      const { pattern, failure } = automaton;
      let state = automaton.state;
      while (state > 0 && pattern.charCodeAt(state) !== unit) state = failure[state - 1]!;
      if (pattern.charCodeAt(state) === unit) state++;
      automaton.state = state;
      if (state === pattern.length) matchedLength = Math.max(matchedLength, state);
    }
    return matchedLength;
  }
}

function failureTable(pattern: string): Int32Array {
  const failure = new Int32Array(pattern.length);
  let length = 0;
  for (let i = 1; i < pattern.length; i++) {
    while (length > 0 && pattern.charCodeAt(i) !== pattern.charCodeAt(length)) length = failure[length - 1]!;
    if (pattern.charCodeAt(i) === pattern.charCodeAt(length)) length++;
    failure[i] = length;
  }
  return failure;
}
