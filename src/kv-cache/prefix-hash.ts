/**
 * The names under which full blocks are cached: a chain of SHA-256 digests, so that equal digests mean equal salt
 * and equal tokens from the first position to the end of the block. A cryptographic hash and no comparison of
 * tokens, because a collision would show one user what another has written. About 1 us for 16 tokens, and a hundredth
 * of that where the chain that was hashed last has the same block: choices of one prompt, prompts that begin alike.
 *
 *     digest(-1) = SHA-256(SHA-256(salt))          digest(i) = SHA-256(digest(i - 1), tokens of block i)
 *
 * The salt is hashed twice because it is the client's: whatever it is, the outer hash is of 32 bytes, and no block's is.
 */

import { hash } from 'node:crypto';

const DIGEST_BYTES = 32;

/** The digests of one sequence's blocks so far. Tokens are only ever appended, so a digest never changes. */
export class PrefixChain {
  readonly salt: string;
  readonly digests: string[] = [];

  constructor(salt: string) {
    this.salt = salt;
  }
}

export class PrefixHasher {
  readonly blockSize: number;
  /** What is hashed for a block: parent digest, then token ids as 32-bit integers. */
  readonly #preimage: Buffer;
  readonly #preimageTokens: Int32Array;
  /** Of the block that was hashed last: its chain, and the tokens of all of that. */
  #latest: { readonly chain: PrefixChain; readonly tokenIds: Int32Array } | null = null;

  constructor(blockSize: number) {
    this.blockSize = blockSize;
    const bytes = new ArrayBuffer(DIGEST_BYTES + blockSize * Int32Array.BYTES_PER_ELEMENT);
    this.#preimage = Buffer.from(bytes);
    this.#preimageTokens = new Int32Array(bytes, DIGEST_BYTES);
  }

  /** The digest before the first block: everything under it is shared by requests of this salt alone. */
  rootDigest(salt: string): string {
    return hash('sha256', hash('sha256', salt, 'buffer'), 'hex');
  }

  /** The digest of the full block whose first token is `tokenIds[start]`. */
  blockDigest(parentDigest: string, tokenIds: Int32Array, start: number): string {
    this.#preimage.write(parentDigest, 'hex');
    for (let offset = 0; offset < this.blockSize; offset++) {
      this.#preimageTokens[offset] = tokenIds[start + offset]!;
    }
    return hash('sha256', this.#preimage, 'hex');
  }

  /** The digest of block `blockIndex` of a sequence, all of whose tokens must be known. */
  digestAt(chain: PrefixChain, tokenIds: Int32Array, blockIndex: number): string {
    const { digests } = chain;
    while (digests.length <= blockIndex) {
      const known = this.#latestDigest(chain, tokenIds);
      if (known !== null) {
        digests.push(known);
        continue;
      }
      const parent = digests.at(-1) ?? this.rootDigest(chain.salt);
      digests.push(this.blockDigest(parent, tokenIds, digests.length * this.blockSize));
      this.#latest = { chain, tokenIds };
    }
    return digests[blockIndex]!;
  }

  /** The digest of the chain's next block, where the chain that was hashed last has the same up to its end. */
  #latestDigest({ salt, digests }: PrefixChain, tokenIds: Int32Array): string | null {
    const index = digests.length;
    const latest = this.#latest;
    const known = latest?.chain.digests[index];
    if (latest === null || known === undefined) return null;
    if (index === 0 ? latest.chain.salt !== salt : latest.chain.digests[index - 1] !== digests[index - 1])
      return null;
    const start = index * this.blockSize;
    for (let at = start; at < start + this.blockSize; at++) {
      if (latest.tokenIds[at] !== tokenIds[at]) return null;
    }
    return known;
  }
}
