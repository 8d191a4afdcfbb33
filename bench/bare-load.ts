/**
 * The same load without HTTP and text: token ids straight into an engine client. What the server loses against
 * this is the price of the corridor.
 */

import { randomAt } from '../src/base/random.ts';
import type { EngineClient } from '../src/engine/engine-client.ts';
import { GREEDY } from '../src/sampling/sampling-params.ts';
import { gapsOf, type StreamOutcome } from './stream-record.ts';

/** Random token ids; which ones does not matter to the cost of a dense model. */
export function randomPrompt(seed: number, tokenCount: number, vocabularySize: number): Int32Array {
  return Int32Array.from({ length: tokenCount }, (_, position) =>
    Math.floor(randomAt(seed, position) * vocabularySize),
  );
}

/** Never rejects. Generates exactly `outputTokenCount` tokens, greedily. */
export async function streamBare(
  client: EngineClient,
  promptTokenIds: Int32Array,
  outputTokenCount: number,
): Promise<StreamOutcome> {
  const sentAtMs = performance.now();
  const times: number[] = [];
  let tokenCount = 0;
  let cachedTokenCount = 0;
  const promptTokenCount = promptTokenIds.length;
  try {
    const admission = client.admit(1);
    try {
      for await (const event of client.generate(inputOf(promptTokenIds, outputTokenCount))) {
        if (event.kind !== 'tokens-delta') continue;
        times.push(performance.now());
        tokenCount += event.tokens.length;
        cachedTokenCount = event.cachedTokenCount;
      }
    } finally {
      admission.leave();
    }
  } catch (error) {
    return { kind: 'stream-failed', reason: error instanceof Error ? error.message : String(error) };
  }
  if (tokenCount !== outputTokenCount)
    return { kind: 'stream-failed', reason: `${tokenCount} of ${outputTokenCount} tokens came` };
  const record = {
    sentAtMs,
    firstTokenAtMs: times[0]!,
    lastTokenAtMs: times[times.length - 1]!,
    gapsMs: gapsOf(times),
    promptTokenCount,
    cachedTokenCount,
    outputTokenCount: tokenCount,
  };
  return { kind: 'stream-done', record };
}

function inputOf(promptTokenIds: Int32Array, outputTokenCount: number) {
  return {
    promptTokenIds,
    sampling: GREEDY,
    newTokensMax: outputTokenCount,
    newTokensMin: 0,
    stopTokenIds: [],
    grammar: null,
    cacheSalt: '',
    priority: 0,
  };
}
