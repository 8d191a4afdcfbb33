/** A set of token ids that is asked for every candidate of every row: one bit a token. Immutable. */

export class TokenSet {
  readonly #words: Uint32Array;
  /** Different ids in the set. */
  readonly size: number;

  /** @param tokenIds in [0, vocabularySize); those outside are left out. */
  constructor(tokenIds: ArrayLike<number>, vocabularySize: number) {
    const words = new Uint32Array(Math.ceil(vocabularySize / 32));
    let size = 0;
    for (let i = 0; i < tokenIds.length; i++) {
      const id = tokenIds[i]!;
      if (id < 0 || id >= vocabularySize) continue;
      const bit = 1 << (id & 31);
      if ((words[id >>> 5]! & bit) !== 0) continue;
      words[id >>> 5]! |= bit;
      size++;
    }
    this.#words = words;
    this.size = size;
  }

  /** @param tokenId in [0, vocabularySize). */
  has(tokenId: number): boolean {
    return ((this.#words[tokenId >>> 5]! >>> (tokenId & 31)) & 1) === 1;
  }
}
