/**
 * Finds a token by its rank, or by the mass of all tokens up to it, in the order descending logit, equal logits by
 * lower id, without sorting. A logit's 32 bits are made into a key that grows along the order; a histogram over the
 * key's upper 11 bits says in which of 2,048 buckets the token lies, then the same within the bucket for the next
 * 11 and the last 10 bits. What is left has equal logits and is walked through by id. The cost is that of two passes
 * over the row whatever the logits, where sorting equal or adversarial ones would not be.
 */

import { massOf } from './masses.ts';

const UPPER_SHIFT = 21;
const MIDDLE_SHIFT = 10;
const BUCKETS = 2048;
const BUCKET_MASK = BUCKETS - 1;
/** The bits of -0 as a signed number. */
const NEGATIVE_ZERO = -0x80000000;

export type Selected = {
  readonly tokenId: number;
  /** Mass of all tokens up to and including it. */
  readonly massThrough: number;
};

/** What is added up along the order until `isFound`. */
type Search = {
  readonly by: 'rank' | 'mass';
  readonly isFound: (sum: number) => boolean;
};

/** Tokens, and their mass, by bucket. */
class Histogram {
  readonly count = new Float64Array(BUCKETS);
  readonly mass = new Float64Array(BUCKETS);

  clear(): void {
    this.count.fill(0);
    this.mass.fill(0);
  }
}

export class RadixSelection {
  readonly #logits: Float32Array;
  readonly #bits: Int32Array;
  readonly #masses: Float64Array;
  readonly #members: Int32Array;
  #memberCount = 0;
  /** Of all tokens over the upper bits; serves every search of a row. */
  readonly #upper = new Histogram();
  readonly #lower = new Histogram();
  /** Tokens and mass before the bucket that is being searched. */
  #countBefore = 0;
  #massBefore = 0;

  /** @param logits looked at anew by every `weigh`; its whole buffer is the row. */
  constructor(logits: Float32Array<ArrayBuffer>) {
    this.#logits = logits;
    this.#bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
    this.#masses = new Float64Array(logits.length);
    this.#members = new Int32Array(logits.length);
  }

  /** Takes in the logits as they are now. @returns their total mass, relative to that of `top`. */
  weigh(top: number, temperature: number): number {
    this.#upper.clear();
    const { count, mass } = this.#upper;
    const [logits, bits, masses] = [this.#logits, this.#bits, this.#masses];
    let total = 0;
    for (let i = 0; i < logits.length; i++) {
      const tokenMass = massOf(logits[i]!, top, temperature);
      const bucket = keyOf(bits[i]!) >>> UPPER_SHIFT;
      masses[i] = tokenMass;
      count[bucket]!++;
      mass[bucket]! += tokenMass;
      total += tokenMass;
    }
    return total;
  }

  /** @param rank from 1. */
  selectRank(rank: number): Selected {
    return this.#select({ by: 'rank', isFound: (sum) => sum >= rank });
  }

  /** The first token up to which the mass is at least `target`; the last with any mass when rounding forbids that. */
  selectMassReaching(target: number): Selected {
    return this.#select({ by: 'mass', isFound: (sum) => sum >= target });
  }

  /** Like `selectMassReaching`, for more than `target`. */
  selectMassAbove(target: number): Selected {
    return this.#select({ by: 'mass', isFound: (sum) => sum > target });
  }

  #select(search: Search): Selected {
    this.#countBefore = 0;
    this.#massBefore = 0;
    this.#takeMembers(this.#findBucket(this.#upper, search));
    this.#narrow(this.#findBucket(this.#histogram(MIDDLE_SHIFT), search), MIDDLE_SHIFT);
    this.#narrow(this.#findBucket(this.#histogram(0), search), 0);
    return this.#findMember(search);
  }

  /** The bucket in which the search ends; counts what lies before it. */
  #findBucket({ count, mass }: Histogram, { by, isFound }: Search): number {
    let bucket = 0;
    let countBefore = this.#countBefore;
    let massBefore = this.#massBefore;
    for (let next = 0; next < BUCKETS; next++) {
      const weight = by === 'rank' ? count[next]! : mass[next]!;
      if (weight === 0) continue;
      bucket = next;
      this.#countBefore = countBefore;
      this.#massBefore = massBefore;
      countBefore += count[next]!;
      massBefore += mass[next]!;
      if (isFound(by === 'rank' ? countBefore : massBefore)) break;
    }
    return bucket;
  }

  #takeMembers(upperBucket: number): void {
    const [bits, members] = [this.#bits, this.#members];
    let taken = 0;
    for (let i = 0; i < bits.length; i++) {
      if (keyOf(bits[i]!) >>> UPPER_SHIFT === upperBucket) members[taken++] = i;
    }
    this.#memberCount = taken;
  }

  /** Keeps the members of one bucket, still in order of id. */
  #narrow(bucket: number, shift: number): void {
    const mask = shift === 0 ? BUCKET_MASK >>> 1 : BUCKET_MASK;
    let kept = 0;
    for (let m = 0; m < this.#memberCount; m++) {
      const tokenId = this.#members[m]!;
      if (((keyOf(this.#bits[tokenId]!) >>> shift) & mask) === bucket) this.#members[kept++] = tokenId;
    }
    this.#memberCount = kept;
  }

  #histogram(shift: number): Histogram {
    const mask = shift === 0 ? BUCKET_MASK >>> 1 : BUCKET_MASK;
    this.#lower.clear();
    for (let m = 0; m < this.#memberCount; m++) {
      const tokenId = this.#members[m]!;
      const bucket = (keyOf(this.#bits[tokenId]!) >>> shift) & mask;
      this.#lower.count[bucket]!++;
      this.#lower.mass[bucket]! += this.#masses[tokenId]!;
    }
    return this.#lower;
  }

  /** All members have the same logit. */
  #findMember({ by, isFound }: Search): Selected {
    let count = this.#countBefore;
    let massThrough = this.#massBefore;
    let tokenId = this.#members[0]!;
    for (let m = 0; m < this.#memberCount; m++) {
      tokenId = this.#members[m]!;
      count++;
      massThrough += this.#masses[tokenId]!;
      if (isFound(by === 'rank' ? count : massThrough)) break;
    }
    return { tokenId, massThrough };
  }
}

/** Smaller for larger floats when taken as unsigned, and equal for 0 and -0. @param bits of a float32. */
function keyOf(bits: number): number {
  if (bits === NEGATIVE_ZERO) return 0x7fffffff;
  return bits < 0 ? bits : bits ^ 0x7fffffff;
}
