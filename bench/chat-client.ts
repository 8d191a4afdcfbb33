/** The requests of the benchmark: streamed greedy chat completions of a fixed length, and the model's name. */

import { z } from 'zod';
import type { FinishedStream } from './closed-loop.ts';
import { bodyText, exchange, type Target } from './http-exchange.ts';
import { type TokenCost, tokenCostOf, wordsOf } from './prompts.ts';
import { readStream, type StreamRecord } from './stream-record.ts';

export type ChatTarget = { readonly target: Target; readonly model: string };

const modelList = z.looseObject({
  data: z.array(z.looseObject({ id: z.string(), max_model_len: z.number().nullish() })).min(1),
});
const SHORT_PROBE_WORDS = 8;
const LONG_PROBE_WORDS = 72;
const PROBE_SEED = 0;

/** The first model that the server lists. */
export async function firstModelOf(target: Target): Promise<string> {
  return (await listedModel(target)).id;
}

/** Tokens of prompt and answer together that the first model takes; `null` where the server does not say. */
export async function modelLengthMaxOf(target: Target): Promise<number | null> {
  return (await listedModel(target)).max_model_len ?? null;
}

async function listedModel(target: Target) {
  const answer = await exchange(target, '/v1/models');
  if (answer.failure !== null || answer.status !== 200) {
    throw new Error(`GET ${target.url}/v1/models: ${answer.failure ?? `HTTP ${answer.status}`}`);
  }
  return modelList.parse(JSON.parse(bodyText(answer))).data[0]!;
}

/** Exactly `outputTokenCount` tokens come back: the model's end of text is ignored. */
export async function streamChat(
  chat: ChatTarget,
  content: string,
  outputTokenCount: number,
): Promise<FinishedStream> {
  const answer = await exchange(chat.target, '/v1/chat/completions', {
    model: chat.model,
    messages: [{ role: 'user', content }],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
    max_tokens: outputTokenCount,
    ignore_eos: true,
  });
  return () => readStream(answer);
}

/** @throws Error when the request fails; for requests without which the benchmark cannot go on. */
export async function streamChatOrThrow(
  chat: ChatTarget,
  content: string,
  outputTokenCount: number,
): Promise<StreamRecord> {
  const outcome = (await streamChat(chat, content, outputTokenCount))();
  if (outcome.kind === 'stream-failed') throw new Error(outcome.reason);
  return outcome.record;
}

/** Asks the server what its tokenizer makes of our words. */
export async function measureTokenCost(chat: ChatTarget): Promise<TokenCost> {
  const probe = async (wordCount: number) => {
    const record = await streamChatOrThrow(chat, wordsOf(PROBE_SEED, wordCount), 2);
    return { wordCount, tokenCount: record.promptTokenCount };
  };
  return tokenCostOf(await probe(SHORT_PROBE_WORDS), await probe(LONG_PROBE_WORDS));
}
