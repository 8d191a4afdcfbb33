/**
 * What one generation looked like from outside: when its first token came, the gaps between its pieces, and the
 * server's own token counts. Pure: works on exchanges that are over.
 */

import { z } from 'zod';
import { bodyText, type Exchange } from './http-exchange.ts';
import { SseDecoder } from './sse-decoder.ts';

export type StreamRecord = {
  readonly sentAtMs: number;
  /** Arrival of the first piece with text in it; the piece that only names the role does not count. */
  readonly firstTokenAtMs: number;
  readonly lastTokenAtMs: number;
  /** Between one piece with text and the next. A piece is one token, unless the server merged or held back some. */
  readonly gapsMs: readonly number[];
  readonly promptTokenCount: number;
  readonly cachedTokenCount: number;
  readonly outputTokenCount: number;
};

export type StreamOutcome =
  | { readonly kind: 'stream-done'; readonly record: StreamRecord }
  | { readonly kind: 'stream-failed'; readonly reason: string };

/** Thoughts are text as well: a model that thinks before it answers has its first token there. */
const deltaSchema = z.looseObject({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
});
const chunkSchema = z.looseObject({
  choices: z.array(z.looseObject({ delta: deltaSchema.optional() })).optional(),
  usage: z
    .looseObject({
      prompt_tokens: z.number(),
      completion_tokens: z.number(),
      prompt_tokens_details: z.looseObject({ cached_tokens: z.number().nullish() }).nullish(),
    })
    .nullish(),
  error: z.looseObject({ message: z.string() }).optional(),
});
type Usage = NonNullable<z.infer<typeof chunkSchema>['usage']>;

type Reading = { tokenTimesMs: number[]; usage: Usage | null; error: string | null; done: boolean };

/** Reads a streamed chat completion. */
export function readStream(exchange: Exchange): StreamOutcome {
  if (exchange.failure !== null) return failed(exchange.failure);
  if (exchange.status !== 200) return failed(`HTTP ${exchange.status}: ${bodyText(exchange).slice(0, 300)}`);
  const reading = readEvents(exchange);
  if (reading.error !== null) return failed(`error in the stream: ${reading.error}`);
  if (!reading.done) return failed('the stream ended without [DONE]');
  if (reading.usage === null) return failed('the stream carried no usage');
  if (reading.tokenTimesMs.length === 0) return failed('the stream carried no text');
  return { kind: 'stream-done', record: recordOf(exchange, reading.tokenTimesMs, reading.usage) };
}

function readEvents(exchange: Exchange): Reading {
  const decoder = new SseDecoder();
  const reading: Reading = { tokenTimesMs: [], usage: null, error: null, done: false };
  for (const arrival of exchange.arrivals) {
    for (const data of decoder.push(arrival.bytes)) takeEvent(reading, data, arrival.atMs);
  }
  return reading;
}

function takeEvent(reading: Reading, data: string, atMs: number): void {
  if (data === '[DONE]') {
    reading.done = true;
    return;
  }
  const chunk = parseChunk(data);
  if (chunk === null) {
    reading.error ??= `not a chunk: ${data.slice(0, 200)}`;
    return;
  }
  if (chunk.error !== undefined) reading.error ??= chunk.error.message;
  if (chunk.usage != null) reading.usage = chunk.usage;
  if (chunk.choices?.some(({ delta }) => hasText(delta))) reading.tokenTimesMs.push(atMs);
}

function hasText(delta: z.infer<typeof deltaSchema> | undefined): boolean {
  return (delta?.content ?? '') !== '' || (delta?.reasoning_content ?? '') !== '';
}

function parseChunk(data: string): z.infer<typeof chunkSchema> | null {
  try {
    return chunkSchema.safeParse(JSON.parse(data)).data ?? null;
  } catch {
    return null;
  }
}

function recordOf(exchange: Exchange, tokenTimesMs: readonly number[], usage: Usage): StreamRecord {
  return {
    sentAtMs: exchange.sentAtMs,
    firstTokenAtMs: tokenTimesMs[0]!,
    lastTokenAtMs: tokenTimesMs[tokenTimesMs.length - 1]!,
    gapsMs: gapsOf(tokenTimesMs),
    promptTokenCount: usage.prompt_tokens,
    cachedTokenCount: usage.prompt_tokens_details?.cached_tokens ?? 0,
    outputTokenCount: usage.completion_tokens,
  };
}

/** Distances between neighbours; one fewer than there are times. */
export function gapsOf(timesMs: readonly number[]): number[] {
  return timesMs.slice(1).map((time, index) => time - timesMs[index]!);
}

function failed(reason: string): StreamOutcome {
  return { kind: 'stream-failed', reason };
}
