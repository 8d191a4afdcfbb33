/**
 * The same load without HTTP and text: token ids straight into an engine client. What the server loses against
 * this is the price of the corridor.
 */

import { randomAt } from '../src/base/random.ts';
import { PLAIN_GENERATION } from '../src/batching/generation-request.ts';
import type { EngineClient, GenerationInput } from '../src/engine/engine-client.ts';
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
  const counts = { tokens: 0, cached: 0 };
  const promptTokenCount = promptTokenIds.length;
  try {
    const admission = client.admit(1);
    try {
      await untilFinish(client, inputOf(promptTokenIds, outputTokenCount), (tokenCount, cachedTokenCount) => {
        times.push(performance.now());
        counts.tokens += tokenCount;
        counts.cached = cachedTokenCount;
      });
    } finally {
      admission.leave();
    }
  } catch (error) {
    return { kind: 'stream-failed', reason: error instanceof Error ? error.message : String(error) };
  }
  if (counts.tokens !== outputTokenCount)
    return { kind: 'stream-failed', reason: `${counts.tokens} of ${outputTokenCount} tokens came` };
  const record = {
    sentAtMs,
    firstTokenAtMs: times[0]!,
    lastTokenAtMs: times[times.length - 1]!,
    gapsMs: gapsOf(times),
    promptTokenCount,
    cachedTokenCount: counts.cached,
    outputTokenCount: counts.tokens,
  };
  return { kind: 'stream-done', record };
}

type OnTokens = (tokenCount: number, cachedTokenCount: number) => void;

/** Rejects when the sequence fails. */
function untilFinish(client: EngineClient, input: GenerationInput, onTokens: OnTokens): Promise<void> {
  return new Promise((resolve, reject) => {
    const feed = client.generate(input, () => {
      try {
        for (let event = feed.take(); event !== null; event = feed.take()) {
          if (event.kind === 'finish') return resolve();
          onTokens(event.tokens.length, event.cachedTokenCount);
        }
      } catch (error) {
        reject(error);
      }
    });
  });
}

function inputOf(promptTokenIds: Int32Array, outputTokenCount: number): GenerationInput {
  return {
    promptTokenIds,
    ...PLAIN_GENERATION,
    newTokensMax: outputTokenCount,
  };
}
