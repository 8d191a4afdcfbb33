/** Sends one body whole, streamed and once more whole, and asks what is needed to judge the answers. */

import { askedOf } from './asked.ts';
import {
  type Answer,
  type Choice,
  type Endpoint,
  type Json,
  type StreamOptions,
  streamedAnswer,
  wholeAnswer,
} from './joined-answer.ts';

const PATHS: Readonly<Record<Endpoint, string>> = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
};
/** Longer than any answer takes on a busy machine. */
const ANSWER_MS_MAX = 120_000;

export type Exchange = {
  readonly endpoint: Endpoint;
  readonly body: Json;
  readonly whole: Answer;
  /** Null where the request cannot be streamed. */
  readonly streamed: Answer | null;
  /** Whole, with the prefix cache warm. */
  readonly repeated: Answer;
  /** Whole, without the fields that only tell more; null where there are none. */
  readonly bare: Answer | null;
  /** The output of each choice, without a stop token, special tokens spelled out; null where its token ids are not known. */
  readonly outputs: readonly (string | null)[];
  /** The tokens of each banned word, with and without a space before it. */
  readonly banned: readonly (readonly number[])[];
};

async function post(baseUrl: string, path: string, body: Json) {
  const response = await fetch(baseUrl + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function postJson<T>(baseUrl: string, path: string, body: Json): Promise<T> {
  return JSON.parse((await post(baseUrl, path, body)).text) as T;
}

async function askWhole(baseUrl: string, endpoint: Endpoint, body: Json): Promise<Answer> {
  const { stream_options: _, ...rest } = body;
  const { status, text, headers } = await post(baseUrl, PATHS[endpoint], rest);
  const answer = wholeAnswer(endpoint, status, text);
  answer.ignored = headers.get('x-octavo-ignored');
  return answer;
}

/** Which choices are best, and how likely the prompt was, is told whole only. */
function isStreamable({ best_of, n, max_tokens, echo }: Json): boolean {
  const isRanked = ((best_of as number | undefined) ?? 1) > ((n as number | undefined) ?? 1);
  return !isRanked && (max_tokens !== 0 || echo === true);
}

async function askStreamed(baseUrl: string, endpoint: Endpoint, body: Json): Promise<Answer | null> {
  if (!isStreamable(body)) return null;
  const { prompt_logprobs: _, ...rest } = body;
  const { status, text, headers } = await post(baseUrl, PATHS[endpoint], { ...rest, stream: true });
  const options = (body['stream_options'] as StreamOptions | undefined) ?? {};
  const answer = streamedAnswer(endpoint, { status, text }, options);
  answer.ignored = headers.get('x-octavo-ignored');
  return answer;
}

/** What these ask for is told beside the answer, and decides nothing of it. */
const TELLING = ['logprobs', 'top_logprobs', 'prompt_logprobs', 'return_token_ids', 'priority', 'cache_salt'];

async function askBare(baseUrl: string, endpoint: Endpoint, body: Json): Promise<Answer | null> {
  if (TELLING.every((name) => body[name] === undefined) || body['max_tokens'] === 0) return null;
  const rest = Object.entries(body).filter(([name]) => !TELLING.includes(name));
  return askWhole(baseUrl, endpoint, Object.fromEntries(rest));
}

async function detokenized(baseUrl: string, tokens: readonly number[] | null): Promise<string | null> {
  if (tokens === null) return null;
  const { prompt } = await postJson<{ prompt: string }>(baseUrl, '/detokenize', { tokens });
  return prompt;
}

async function tokenized(baseUrl: string, prompt: string): Promise<readonly number[]> {
  const body = { prompt, add_special_tokens: false };
  return (await postJson<{ tokens: number[] }>(baseUrl, '/tokenize', body)).tokens;
}

/** Without the stop token at its end, which is no text whatever it spells. */
function outputOf({ tokenIds }: Choice, stopTokenIds: ReadonlySet<number>): readonly number[] | null {
  return tokenIds && stopTokenIds.has(tokenIds.at(-1) ?? -1) ? tokenIds.slice(0, -1) : tokenIds;
}

/** The first two answers are computed beside each other, and beside whatever else is asked for at the time. */
export async function exchange(baseUrl: string, endpoint: Endpoint, body: Json): Promise<Exchange> {
  const [whole, streamed] = await Promise.all([
    askWhole(baseUrl, endpoint, body),
    askStreamed(baseUrl, endpoint, body),
  ]);
  const [repeated, bare] = await Promise.all([
    askWhole(baseUrl, endpoint, body),
    askBare(baseUrl, endpoint, body),
  ]);
  const words = ((body['bad_words'] ?? []) as string[]).flatMap((word) => [word, ` ${word.trimStart()}`]);
  const { stopTokenIds } = askedOf(endpoint, body);
  const [outputs, banned] = await Promise.all([
    Promise.all(whole.choices.map((choice) => detokenized(baseUrl, outputOf(choice, stopTokenIds)))),
    Promise.all(words.map((word) => tokenized(baseUrl, word))),
  ]);
  return { endpoint, body, whole, streamed, repeated, bare, outputs, banned };
}
