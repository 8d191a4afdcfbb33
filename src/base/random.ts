/**
 * Counter-based randomness: a draw is a function of (seed, position) and of nothing else, so it does not
 * depend on batch, order or preemption, and there is no generator state to keep or to roll back.
 */

const float64 = new Float64Array(1);
const words = new Uint32Array(float64.buffer);

/** Finaliser of MurmurHash3 (Appleby, public domain): a bijection of 32-bit words with full avalanche. */
function avalanche(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function absorb(state: number, word: number): number {
  return avalanche((Math.imul(state, 0x9e3779b1) + word) >>> 0);
}

/** All 64 bits of the seed count, so seeds beyond 2^32, negative ones and fractions differ too. */
function hash(seed: number, position: number, stream: number): number {
  float64[0] = seed;
  return absorb(absorb(absorb(absorb(0x6f637461, words[0]!), words[1]!), position >>> 0), stream);
}

/** A number in [0, 1) with 53 random bits for the draw at `position` (a token's index in its sequence). */
export function randomAt(seed: number, position: number): number {
  const high = hash(seed, position, 1) >>> 5; // 27 bits
  const low = hash(seed, position, 2) >>> 6; // 26 bits
  return (high * 0x4000000 + low) / 0x20000000000000;
}

/**
 * The seed of choice `index` of a request with `n` choices: `seed` itself for the first, so that asking for
 * more choices leaves the first as it was; unrelated 32-bit seeds for the rest.
 */
export function seedOfChoice(seed: number, index: number): number {
  return index === 0 ? seed : hash(seed, index, 3);
}
