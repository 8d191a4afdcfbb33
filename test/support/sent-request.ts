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
  /** The prompt of a chat as `/v1/chat/completions/render` tells it; null where the answer does not. */
  readonly rendered: readonly number[] | null;
  /** The status of a request that goes on from the answer; null where none does. */
  readonly goingOn: number | null;
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

export async function askWhole(baseUrl: string, endpoint: Endpoint, body: Json): Promise<Answer> {
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

async function renderedTokens(
  baseUrl: string,
  body: Json,
  { choices }: Answer,
): Promise<readonly number[] | null> {
  if (body['messages'] === undefined || !choices[0]?.promptTokenIds) return null;
  const { stream_options: _, ...rest } = body;
  return (await postJson<{ token_ids: number[] }>(baseUrl, `${PATHS.chat}/render`, rest)).token_ids;
}

/** A client that goes away when it has read something, or before. */
async function leave(baseUrl: string, endpoint: Endpoint, body: Json): Promise<void> {
  const { prompt_logprobs: _, ...rest } = body;
  const leaving = new AbortController();
  try {
    const response = await fetch(baseUrl + PATHS[endpoint], {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...rest, stream: true }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  }
}

/** The next turn of a conversation, as clients send it: with the answer, a result of each call, and a question. */
async function goOn(baseUrl: string, { model, messages }: Json, { choices }: Answer): Promise<number | null> {
  const [choice] = choices;
  if (messages === undefined || choice === undefined) return null;
  const { text, reasoning, calls } = choice;
  const named = calls.map((called, index) => ({ id: `call_${index}`, type: 'function', function: called }));
  const answer = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(reasoning !== '' && { reasoning_content: reasoning, reasoning }),
    ...(calls.length > 0 && { tool_calls: named }),
  };
  const results = named.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: '18 C' }));
  const all = [...(messages as Json[]), answer, ...results, { role: 'user', content: 'And now?' }];
  const { status } = await post(baseUrl, PATHS.chat, { model, messages: all, max_tokens: 1 });
  return status;
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
    leave(baseUrl, endpoint, body),
  ]);
  const [repeated, bare] = await Promise.all([
    askWhole(baseUrl, endpoint, body),
    askBare(baseUrl, endpoint, body),
  ]);
  const words = ((body['bad_words'] ?? []) as string[]).flatMap((word) => [word, ` ${word.trimStart()}`]);
  const { stopTokenIds } = askedOf(endpoint, body);
  const [outputs, rendered, goingOn, banned] = await Promise.all([
    Promise.all(whole.choices.map((choice) => detokenized(baseUrl, outputOf(choice, stopTokenIds)))),
    renderedTokens(baseUrl, body, whole),
    goOn(baseUrl, body, whole),
    Promise.all(words.map((word) => tokenized(baseUrl, word))),
  ]);
  return { endpoint, body, whole, streamed, repeated, bare, outputs, rendered, goingOn, banned };
}
