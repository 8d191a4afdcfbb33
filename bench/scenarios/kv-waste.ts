/**
 * The share of the KV cache's slots that sequences hold and that have no token in them, step by step: the empty rest of
 * each last block, and blocks of prompts that were admitted and are not computed yet. No model.
 */

import { Option } from 'commander';
import { randomAt } from '../../src/base/random.ts';
import type { Scheduler } from '../../src/batching/scheduler.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import { countOption, positiveIntegers, seedOption } from '../options.ts';
import { scenario } from '../scenario.ts';
import { aRequest, aScheduler, runStep } from '../scheduler-load.ts';
import { renderTable } from '../table.ts';

type Flags = {
  readonly blockSizes: readonly number[];
  readonly streams: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly seed: number;
};

export type Waste = {
  /** Slots of all held blocks, summed over the steps. */
  readonly heldSlots: number;
  /** Of these, slots without a token in whole blocks that are not reached yet. */
  readonly emptyInPrompts: number;
  /** Of these, slots without a token in blocks that are begun. */
  readonly emptyInLastBlocks: number;
};

/** Slots of the sequences that run now. No blocks are shared here, so each is held once. */
export function wasteOf(scheduler: Scheduler): Waste {
  const { running, pool } = scheduler.snapshot();
  let heldSlots = 0;
  let tokens = 0;
  let begunSlots = 0;
  for (const { blockIds, computedLength } of running) {
    heldSlots += blockIds.length * pool.blockSize;
    tokens += computedLength;
    begunSlots += Math.ceil(computedLength / pool.blockSize) * pool.blockSize;
  }
  return { heldSlots, emptyInPrompts: heldSlots - begunSlots, emptyInLastBlocks: begunSlots - tokens };
}

/** Lengths are drawn evenly from half to one and a half times the means. */
function lengthAt(seed: number, index: number, mean: number): number {
  return Math.max(1, Math.round(mean * (0.5 + randomAt(seed, index))));
}

function simulate(flags: Flags, blockSize: number): Waste {
  const { streams, promptTokens, outputTokens, seed } = flags;
  const modelLengthMax = 2 * (promptTokens + outputTokens);
  const blockCount = 1 + streams * (1 + Math.ceil(modelLengthMax / blockSize));
  const scheduler = aScheduler({ blockCount, blockSize, runningMax: streams, modelLengthMax });
  const sampled: SampledToken[] = [];
  const sum = { heldSlots: 0, emptyInPrompts: 0, emptyInLastBlocks: 0 };
  let sent = 0;
  const send = (count: number) => {
    for (let left = Math.min(count, flags.requests - sent); left > 0; left--) {
      const promptLength = lengthAt(seed, 2 * sent, promptTokens);
      scheduler.enqueue(aRequest(++sent, promptLength, lengthAt(seed, 2 * sent - 1, outputTokens)));
    }
  };
  send(streams);
  while (scheduler.sequenceCount > 0) {
    send(runStep(scheduler, sampled));
    const now = wasteOf(scheduler);
    sum.heldSlots += now.heldSlots;
    sum.emptyInPrompts += now.emptyInPrompts;
    sum.emptyInLastBlocks += now.emptyInLastBlocks;
  }
  return sum;
}

export const kvWaste = scenario<Flags>({
  name: 'kv-waste',
  summary: 'share of held cache slots without a token; no model',
  options: [
    new Option('--block-sizes <list>', 'tokens of a block')
      .argParser(positiveIntegers)
      .default([8, 16, 32, 64], '8,16,32,64'),
    countOption('streams', 'at once, each sends its next request when its last has ended', 32),
    countOption('requests', 'in all', 512),
    countOption('prompt-tokens', 'on average; drawn from half to one and a half times as many', 128),
    countOption('output-tokens', 'on average, likewise', 128),
    seedOption(),
  ],
  run: async (flags) => {
    const figures = flags.blockSizes.map((blockSize) => {
      const waste = simulate(flags, blockSize);
      const share = (slots: number) => slots / waste.heldSlots;
      return {
        blockSize,
        ...waste,
        share: share(waste.emptyInPrompts + waste.emptyInLastBlocks),
        lastBlockShare: share(waste.emptyInLastBlocks),
        promptShare: share(waste.emptyInPrompts),
      };
    });
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    const text = renderTable(
      ['block size', 'empty', 'in last blocks', 'in prompts not computed yet'],
      figures.map(({ blockSize, share, lastBlockShare, promptShare }) => [
        String(blockSize),
        percent(share),
        percent(lastBlockShare),
        percent(promptShare),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
