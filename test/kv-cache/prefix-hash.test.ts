import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PrefixChain, PrefixHasher } from '../../src/kv-cache/prefix-hash.ts';

/** The formula of the file's header, written with the streaming hash. */
function chainDigest(salt: string, blocks: readonly (readonly number[])[]): string {
  let digest = createHash('sha256').update(createHash('sha256').update(salt).digest()).digest();
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
    const blocks = [
      [5, 151_000],
      [7, 0],
      [8, 9],
    ];
    for (const index of blocks.keys()) {
      expect(digestOf('salt', blocks.flat(), index)).toBe(chainDigest('salt', blocks.slice(0, index + 1)));
    }
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

  it('hashes what a chain shares with the one before it once, and gives the same digests', () => {
    class CountingHasher extends PrefixHasher {
      count = 0;
      override blockDigest(...parameters: Parameters<PrefixHasher['blockDigest']>): string {
        this.count++;
        return super.blockDigest(...parameters);
      }
    }
    const hasher = new CountingHasher(2);
    const digestsOf = (salt: string, tokens: readonly number[]): readonly string[] => {
      const chain = new PrefixChain(salt);
      hasher.digestAt(chain, Int32Array.from(tokens), tokens.length / 2 - 1);
      return chain.digests;
    };
    const cases: readonly (readonly [string, readonly number[], number])[] = [
      ['', [1, 2, 3, 4, 5, 6], 3],
      ['', [1, 2, 3, 4, 5, 6], 0],
      ['', [1, 2, 3, 4, 5, 7], 1],
      ['', [1, 2, 9, 4, 5, 7], 2],
      ['', [8, 2, 9, 4, 5, 7], 3],
      ['salt', [8, 2, 9, 4, 5, 7], 3],
      ['salt', [8, 2], 0],
      ['salt', [8, 2, 9, 4, 5, 7, 1, 1], 1],
    ];
    for (const [salt, tokens, hashed] of cases) {
      hasher.count = 0;
      const expected = tokens.slice(0, tokens.length / 2).map((_, index) => digestOf(salt, tokens, index));
      expect(digestsOf(salt, tokens), tokens.join()).toEqual(expected);
      expect(hasher.count, tokens.join()).toBe(hashed);
    }
  });

  it('takes no digest of a chain that began otherwise, also where it has hashed that one in between', () => {
    const hasher = new PrefixHasher(2);
    const [chain, other] = [new PrefixChain(''), new PrefixChain('')];
    hasher.digestAt(chain, Int32Array.of(1, 2, 3, 4), 0);
    hasher.digestAt(other, Int32Array.of(9, 9, 3, 4), 1);
    expect(hasher.digestAt(chain, Int32Array.of(1, 2, 3, 4), 1)).toBe(digestOf('', [1, 2, 3, 4], 1));
  });

  it('has no salt under which a block is the root of another', () => {
    const hasher = new PrefixHasher(2);
    const preimage = Buffer.concat([
      Buffer.from(hasher.rootDigest(''), 'hex'),
      Buffer.from(Int32Array.of(1, 2).buffer),
    ]);
    const asRoot = createHash('sha256').update(preimage).digest('hex');
    expect(hasher.blockDigest(hasher.rootDigest(''), Int32Array.of(1, 2), 0)).toBe(asRoot);
    const text = preimage.toString('latin1');
    expect(hasher.rootDigest(text)).not.toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('ignores what stands behind the known tokens', () => {
    expect(digestOf('', [1, 2, 3], 0)).toBe(digestOf('', [1, 2, 9], 0));
  });
});
