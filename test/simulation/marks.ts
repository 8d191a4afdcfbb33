/** Rare paths by name. A swarm that never takes one of them proves nothing about it. */

export const MARKS = [
  'preempted-for-blocks',
  'preempted-during-prompt',
  'preempted-while-decoding',
  'resumed-from-cache',
  'hit-of-held-block',
  'hit-of-free-block',
  'hit-then-evicted',
  'equal-block-published-twice',
  'admission-refused-for-blocks',
  'prompt-in-many-chunks',
  'prompts-and-decodes-mixed',
  'prompt-held-back',
  'served-before-earlier-arrival',
  'fault-before-write',
  'fault-during-write',
  'fault-after-write',
  'fault-in-rerun',
  'rerun',
  'rollback-with-new-admission',
  'rollback-after-eviction',
  'rows-failed',
  'abort-while-waiting',
  'abort-while-running',
  'abort-while-preempted',
  'abort-during-run',
  'request-refused',
  'refused-by-one-token',
  'prompt-as-long-as-context',
  'context-full-to-the-token',
  'cache-full-to-the-block',
  'finished-by-stop-token',
  'finished-by-length',
  'finished-by-grammar',
  'held-to-grammar-beside-free',
  'held-to-grammar-after-preemption',
  'held-to-grammar-after-fault',
  'held-to-grammar-by-whole-row',
  'held-to-grammar-behind-trigger',
  'prompt-scored-in-many-steps',
  'prompt-scored-after-preemption',
  'draft-right',
  'draft-right-in-part',
  'draft-wrong',
  'draft-held-to-grammar',
  'rollback-with-draft',
] as const;

export type Mark = (typeof MARKS)[number];

/** How often each path was taken. */
export class MarkCounts {
  readonly #counts = new Map<Mark, number>();

  hit(mark: Mark): void {
    this.#counts.set(mark, this.count(mark) + 1);
  }

  count(mark: Mark): number {
    return this.#counts.get(mark) ?? 0;
  }

  add(other: MarkCounts): void {
    for (const mark of MARKS) {
      if (other.count(mark) > 0) this.#counts.set(mark, this.count(mark) + other.count(mark));
    }
  }
}
