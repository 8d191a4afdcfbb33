/**
 * Which tokens would complete a banned sequence now, told from the last tokens of the output. Bounded by the sequences'
 * own lengths, whatever the output's. The prompt does not count: a sequence has to be generated whole to be banned.
 */

export class BannedSequences {
  readonly #sequences: readonly Int32Array[];
  /** The last tokens of the output, oldest first; as many as the longest sequence needs. */
  readonly #recent: number[] = [];
  readonly #recentMax: number;
  readonly #completing = new Set<number>();

  /** @param sequences of at least one token each. */
  constructor(sequences: readonly Int32Array[]) {
    this.#sequences = sequences;
    this.#recentMax = Math.max(0, ...sequences.map((sequence) => sequence.length - 1));
    this.#update();
  }

  /** Every token that may ever complete a sequence. */
  get lastTokenIds(): readonly number[] {
    return this.#sequences.map((sequence) => sequence.at(-1)!);
  }

  /** Whether the token would complete a sequence, if it came next. */
  isCompletedBy(tokenId: number): boolean {
    return this.#completing.has(tokenId);
  }

  /** The token has become part of the output. */
  accept(tokenId: number): void {
    if (this.#recentMax === 0) return;
    this.#recent.push(tokenId);
    if (this.#recent.length > this.#recentMax) this.#recent.shift();
    this.#update();
  }

  #update(): void {
    this.#completing.clear();
    for (const sequence of this.#sequences) {
      if (this.#endsWithAllButLast(sequence)) this.#completing.add(sequence.at(-1)!);
    }
  }

  #endsWithAllButLast(sequence: Int32Array): boolean {
    const length = sequence.length - 1;
    const start = this.#recent.length - length;
    if (start < 0) return false;
    for (let i = 0; i < length; i++) if (this.#recent[start + i] !== sequence[i]) return false;
    return true;
  }
}
