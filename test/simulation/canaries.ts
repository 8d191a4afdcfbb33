/**
 * Bugs planted on purpose, one at a time: each is a class that differs from the real one in the one way that its
 * name says. The simulator that does not find them would not find their like either.
 */

import { assert } from '../../src/base/assert.ts';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import { Scheduler, type SchedulerLimits } from '../../src/batching/scheduler.ts';
import { Sequence } from '../../src/batching/sequence.ts';
import type { StepPlan } from '../../src/batching/step-plan.ts';
import type { Drafter } from '../../src/batching/step-planner.ts';
import type { RowOptions } from '../../src/engine/row-sampler.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { BlockPool } from '../../src/kv-cache/block-pool.ts';
import { type CacheTenant, KvCacheManager, type PrefixMatch } from '../../src/kv-cache/kv-cache-manager.ts';
import { PrefixHasher } from '../../src/kv-cache/prefix-hash.ts';
import type { Draft } from '../../src/sampling/draft-lookup.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import type { LogitsQuery, StepLogits } from '../../src/sampling/step-logits.ts';
import type { Parts } from './simulator.ts';

function sequenceOf(tenant: CacheTenant): Sequence {
  assert(tenant instanceof Sequence, 'the scheduler gives sequences to the cache');
  return tenant;
}

class KeepsDigestOfReusedBlock extends BlockPool {
  readonly #everPublished = new Map<string, number>();
  override publish(blockId: number, digest: string): void {
    super.publish(blockId, digest);
    this.#everPublished.set(digest, blockId);
  }
  override find(digest: string): number | null {
    return super.find(digest) ?? this.#everPublished.get(digest) ?? null;
  }
}

class ReleasesForEverybody extends BlockPool {
  override release(blockIds: readonly number[]): void {
    for (const id of [...blockIds].reverse()) {
      while (this.isHeld(id)) super.release([id]);
    }
  }
}

class KeepsComputedLengthWhenPreempted extends KvCacheManager {
  readonly #computedLengths = new WeakMap<CacheTenant, number>();
  override release(tenant: CacheTenant): void {
    this.#computedLengths.set(tenant, sequenceOf(tenant).computedLength);
    super.release(tenant);
  }
  override admit(tenant: CacheTenant, headroom: number): number | null {
    const cachedLength = super.admit(tenant, headroom);
    if (cachedLength === null) return null;
    return Math.max(cachedLength, this.#computedLengths.get(tenant) ?? 0);
  }
}

class AllocatesForOneTokenTooFew extends KvCacheManager {
  override blockCountFor(tokenCount: number): number {
    return super.blockCountFor(tokenCount - 1);
  }
}

class PublishesPartialBlock extends KvCacheManager {
  override commit(tenant: CacheTenant, computedLength: number): void {
    const { blockSize } = this.pool;
    const knownLength = tenant.length - (tenant.length % blockSize);
    const roundedUp = Math.ceil(computedLength / blockSize) * blockSize;
    super.commit(tenant, Math.max(computedLength, Math.min(roundedUp, knownLength)));
  }
}

class HashesWithoutParent extends PrefixHasher {
  override blockDigest(_parent: string, tokenIds: Int32Array, start: number): string {
    return super.blockDigest(this.rootDigest(''), tokenIds, start);
  }
}

class HashesWithoutSalt extends PrefixHasher {
  override rootDigest(_salt: string): string {
    return super.rootDigest('');
  }
}

class MatchesWholePrompt extends KvCacheManager {
  override matchableBlockCount({ length }: CacheTenant): number {
    return Math.floor(length / this.pool.blockSize);
  }
}

class LeaksBlocksOfAborted extends KvCacheManager {
  override release(tenant: CacheTenant): void {
    if (sequenceOf(tenant).finishReason === 'abort') tenant.blockTable.truncate(0);
    else super.release(tenant);
  }
}

class CountsMatchedBlocksAsFree extends KvCacheManager {
  override matchPrefix(tenant: CacheTenant): PrefixMatch {
    const match = super.matchPrefix(tenant);
    match.unheldCount = 0;
    return match;
  }
}

class PublishesAtPlan extends Scheduler {
  readonly #kvCache: KvCacheManager;
  constructor(limits: SchedulerLimits, kvCache: KvCacheManager) {
    super(limits, kvCache);
    this.#kvCache = kvCache;
  }
  override plan(drafter: Drafter | null): StepPlan | null {
    const plan = super.plan(drafter);
    for (const { sequence, firstPosition, tokenCount } of plan?.rows.slice(0, plan.rowCount) ?? []) {
      this.#kvCache.commit(sequence, firstPosition + tokenCount);
    }
    return plan;
  }
}

/** Blocks that a failed step took come back with the digest of what it may have overwritten. */
class RestoresDigestAtRollback extends BlockPool {
  readonly #digestOf = new Map<number, string>();
  readonly #restored = new Map<string, number>();
  #evicted: [string, number][] = [];
  override publish(blockId: number, digest: string): void {
    super.publish(blockId, digest);
    this.#digestOf.set(blockId, digest);
  }
  override allocate(): number {
    const id = super.allocate();
    const digest = this.#digestOf.get(id);
    if (digest !== undefined) this.#evicted.push([digest, id]);
    this.#digestOf.delete(id);
    for (const [restored, blockId] of this.#restored) if (blockId === id) this.#restored.delete(restored);
    return id;
  }
  override find(digest: string): number | null {
    return super.find(digest) ?? this.#restored.get(digest) ?? null;
  }
  override openReservation(): void {
    this.#evicted = [];
    super.openReservation();
  }
  override undoReservation(): void {
    super.undoReservation();
    for (const [digest, id] of this.#evicted) {
      this.#restored.set(digest, id);
      this.#digestOf.set(id, digest);
    }
  }
}

/** A step that fails after its choices, and is run again, then finds the grammar one token too far. */
class MovesGrammarWhenChosen extends SequenceSamplers {
  override choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    const token = super.choose(sequenceId, row, logits);
    if (token !== null) super.accept(sequenceId, token.tokenId);
    return token;
  }
  override accept(): void {}
}

/** Whatever was guessed behind a right token is right. */
class TakesDraftUnchecked extends SequenceSamplers {
  readonly #drafts = new Map<number, Draft>();
  override prepare(id: number, row: number, query: LogitsQuery, options: RowOptions, draft?: Draft): void {
    if (draft !== undefined) this.#drafts.set(id, draft);
    super.prepare(id, row, query, options, draft);
  }
  override chooseBehind(id: number, _row: number, _logits: StepLogits, tokens: SampledToken[]): void {
    const { tokenIds, count } = this.#drafts.get(id)!;
    for (const tokenId of tokenIds.subarray(1, count)) tokens.push({ tokenId, logprobs: null });
  }
}

/** What was tried behind a right token stays tried. */
export class KeepsToItsDraft extends SequenceSamplers {
  override chooseBehind(id: number, row: number, logits: StepLogits, tokens: SampledToken[]): void {
    const before = tokens.length;
    super.chooseBehind(id, row, logits, tokens);
    const behind = tokens.slice(before);
    if (behind.length > 1) super.accept(id, behind[0]!.tokenId);
  }
}

/** As if a draw came from a random state that all share. */
export class DrawsByNeighbours extends SequenceSamplers {
  #openedCount = 0;
  override open(request: GenerationRequest): void {
    const { sampling } = request;
    super.open({ ...request, sampling: { ...sampling, seed: sampling.seed + this.#openedCount++ } });
  }
}

/** Holds what comes before its trigger, too. */
class IgnoresTrigger extends SequenceSamplers {
  override open(request: GenerationRequest): void {
    const grammar = request.grammar && { ...request.grammar, trigger: null };
    super.open({ ...request, grammar });
  }
}

/** A policy fault: nothing wrong comes out, but the head of a cached prefix is evicted before its tail. */
export class ReleasesHeadFirst extends BlockPool {
  override release(blockIds: readonly number[]): void {
    super.release([...blockIds].reverse());
  }
}

/** Each must fail the simulation of at least one of the ordinary seeds. */
export const CANARIES: readonly (readonly [bug: string, parts: Partial<Parts>])[] = [
  ['a block keeps its digest when it is reused', { BlockPool: KeepsDigestOfReusedBlock }],
  ['a release ignores the other holders', { BlockPool: ReleasesForEverybody }],
  ['a preempted sequence keeps its computed length', { KvCacheManager: KeepsComputedLengthWhenPreempted }],
  ['one slot too few is allocated', { KvCacheManager: AllocatesForOneTokenTooFew }],
  ['a partly computed block is published', { KvCacheManager: PublishesPartialBlock }],
  ['a block is hashed without its parent', { PrefixHasher: HashesWithoutParent }],
  ['a block is hashed without the salt', { PrefixHasher: HashesWithoutSalt }],
  ['the whole prompt is taken from the cache', { KvCacheManager: MatchesWholePrompt }],
  ['an abort leaks its blocks', { KvCacheManager: LeaksBlocksOfAborted }],
  ['matched blocks are counted as free too', { KvCacheManager: CountsMatchedBlocksAsFree }],
  ['blocks are published at plan, not at commit', { Scheduler: PublishesAtPlan }],
  [
    'a grammar moves on when a token is chosen, not when it is accepted',
    { SequenceSamplers: MovesGrammarWhenChosen },
  ],
  ['a draft is taken where its first token is right', { SequenceSamplers: TakesDraftUnchecked }],
  ['a sampler goes on behind its draft', { SequenceSamplers: KeepsToItsDraft }],
  ['a grammar does not wait for its trigger', { SequenceSamplers: IgnoresTrigger }],
  ['a rollback restores what the step may have overwritten', { BlockPool: RestoresDigestAtRollback }],
];
