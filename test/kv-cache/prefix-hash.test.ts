import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PrefixChain, PrefixHasher } from '../../src/kv-cache/prefix-hash.ts';

/** The formula of the file's header, written with the streaming hash. */
function chainDigest(salt: string, blocks: readonly (readonly number[])[]): string {
  let digest = createHash('sha256').update(salt).digest();
  for (const block of blocks) {
    const tokens = Buffer.alloc(4 * block.length);
    block.forEach((token, index) => {
      tokens.writeInt32LE(token, 4 * index);
    });
    digest = createHash('sha256').update(digest).update(tokens).digest();
  }
  return digest.toString('hex');
}

function digestOf(salt: string, tokens: readonly number[], blockIndex: number): string {
  return new PrefixHasher(2).digestAt(new PrefixChain(salt), Int32Array.from(tokens), blockIndex);
}

describe('PrefixHasher', () => {
  it('chains SHA-256 over the salt and the blocks', () => {
    const tokens = [5, 151_000, 7, 0];
    expect(digestOf('salt', tokens, 0)).toBe(chainDigest('salt', [[5, 151_000]]));
    expect(digestOf('salt', tokens, 1)).toBe(
      chainDigest('salt', [
        [5, 151_000],
        [7, 0],
      ]),
    );
  });

  it('tells equal blocks after different ones apart', () => {
    expect(digestOf('', [1, 2, 3, 4], 1)).not.toBe(digestOf('', [2, 2, 3, 4], 1));
  });

  it('tells equal tokens under different salts apart', () => {
    expect(digestOf('a', [1, 2], 0)).not.toBe(digestOf('b', [1, 2], 0));
  });

  it('goes on from the digests that the chain has', () => {
    const hasher = new PrefixHasher(2);
    const chain = new PrefixChain('');
    const tokens = Int32Array.of(1, 2, 3, 4, 5, 6);
    hasher.digestAt(chain, tokens, 0);
    hasher.digestAt(chain, tokens, 2);
    expect(chain.digests).toEqual([0, 1, 2].map((index) => digestOf('', [...tokens], index)));
  });

  it('ignores what stands behind the known tokens', () => {
    expect(digestOf('', [1, 2, 3], 0)).toBe(digestOf('', [1, 2, 9], 0));
  });
});
