/**
 * What a client makes of one answer of the server, whole or streamed, chat or legacy completion, in one shape, so that
 * they can be compared. What is wrong with an answer's own form is collected on the way, not thrown.
 */

import type { z } from 'zod';
import {
  chatCompletionChunkSchema,
  chatCompletionSchema,
} from '../../src/routes/schema/chat-completion-response.ts';
import { completionChunkSchema, completionSchema } from '../../src/routes/schema/completion-response.ts';
import { errorBodySchema } from '../../src/routes/schema/error.ts';

export type Json = Record<string, unknown>;

/** A token of the answer. `logprob` is null of an echoed prompt's first token alone. */
export type TokenEntry = {
  readonly token: string;
  readonly bytes: readonly number[];
  readonly logprob: number | null;
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
  /** Of legacy completions. */
  readonly offset?: number;
};

export type Call = { readonly name: string; arguments: string };

export type Choice = {
  text: string;
  reasoning: string;
  readonly calls: Call[];
  finish: string | null;
  logprobs: TokenEntry[];
  tokenIds: number[] | null;
  promptTokenIds: readonly number[] | null;
  promptLogprobs: unknown;
};

export type Usage = {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly completion_tokens_details?: {
    readonly reasoning_tokens?: number;
    readonly accepted_prediction_tokens?: number;
    readonly rejected_prediction_tokens?: number;
  };
};

export type ApiFault = {
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly type: string;
};

export type Answer = {
  /** That of the error which ended a stream, where one did. */
  status: number;
  error: ApiFault | null;
  readonly choices: Choice[];
  usage: Usage | null;
  ignored: string | null;
  /** Of its calls. */
  readonly callIds: Set<string>;
  /** What is wrong with its form. */
  readonly faults: string[];
};

export type Endpoint = 'chat' | 'completions';

const WHOLE = { chat: chatCompletionSchema, completions: completionSchema };
const CHUNK = { chat: chatCompletionChunkSchema, completions: completionChunkSchema };

function emptyAnswer(status: number): Answer {
  return { status, error: null, choices: [], usage: null, ignored: null, callIds: new Set(), faults: [] };
}

function emptyChoice(): Choice {
  return {
    text: '',
    reasoning: '',
    calls: [],
    finish: null,
    logprobs: [],
    tokenIds: null,
    promptTokenIds: null,
    promptLogprobs: undefined,
  };
}

function choiceAt(answer: Answer, index: number): Choice {
  while (answer.choices.length <= index) answer.choices.push(emptyChoice());
  return answer.choices[index]!;
}

function checkForm(answer: Answer, schema: z.ZodType, value: unknown): void {
  const { error } = schema.safeParse(value);
  if (error) answer.faults.push(`form: ${error.issues[0]!.path.join('.')}: ${error.issues[0]!.message}`);
}

function entriesOf(endpoint: Endpoint, logprobs: Json | null): TokenEntry[] {
  if (logprobs === null) return [];
  if (endpoint === 'chat') {
    const content = logprobs['content'] as {
      token: string;
      bytes: number[];
      logprob: number;
      top_logprobs: [];
    }[];
    return content.map(({ top_logprobs, ...entry }) => ({ ...entry, top: top_logprobs }));
  }
  const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs as {
    tokens: string[];
    token_logprobs: (number | null)[];
    top_logprobs: (Record<string, number> | null)[];
    text_offset: number[];
  };
  return tokens.map((token, index) => ({
    token,
    bytes: bytesOfName(token),
    logprob: token_logprobs[index]!,
    top: Object.entries(top_logprobs[index] ?? {}).map(([name, logprob]) => ({ token: name, logprob })),
    offset: text_offset[index]!,
  }));
}

function bytesOfName(name: string): number[] {
  if (!name.startsWith('bytes:')) return [...Buffer.from(name)];
  return [...name.matchAll(/\\x([0-9a-f]{2})/g)].map(([, hex]) => Number.parseInt(hex!, 16));
}

/** A delta of a stream, a whole message or a legacy choice; the keys that one does not have are not there. */
type Told = {
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly reasoning?: string;
  readonly tool_calls?: readonly ToldCall[];
};

type ToldCall = {
  readonly index?: number;
  readonly id?: string;
  readonly function: { readonly name?: string; readonly arguments: string };
};

function addMessage(answer: Answer, choice: Choice, told: Told): void {
  choice.text += told.content ?? '';
  choice.reasoning += told.reasoning_content ?? '';
  if (told.reasoning_content !== told.reasoning) answer.faults.push('thoughts: two names, two texts');
  for (const piece of told.tool_calls ?? []) addCall(answer, choice.calls, piece);
}

function addCall(
  answer: Answer,
  calls: Call[],
  { index = calls.length, id, function: called }: ToldCall,
): void {
  if (index === calls.length) {
    if (!id || called.name === undefined) answer.faults.push('calls: the first piece has no id or name');
    if (answer.callIds.has(id!)) answer.faults.push('calls: two with one id');
    answer.callIds.add(id!);
    calls.push({ name: called.name ?? '', arguments: '' });
  } else if (index !== calls.length - 1 || id !== undefined || called.name !== undefined) {
    answer.faults.push(`calls: a piece of call ${index} behind ${calls.length} calls`);
  }
  calls[index]!.arguments += called.arguments;
}

function addTokens(endpoint: Endpoint, choice: Choice, told: Json): void {
  choice.logprobs.push(...entriesOf(endpoint, told['logprobs'] as Json | null));
  const tokenIds = told['token_ids'] as number[] | undefined;
  if (tokenIds !== undefined) choice.tokenIds = [...(choice.tokenIds ?? []), ...tokenIds];
  if (told['prompt_token_ids'] !== undefined) choice.promptTokenIds = told['prompt_token_ids'] as number[];
}

/** An answer of calls alone has no content, not an empty one. */
function mustBeSilent({ text, calls }: Choice): boolean {
  return text === '' && calls.length > 0;
}

/** What was cut off before it said anything may have begun as a call. */
function mayBeSilent(choice: Choice): boolean {
  return mustBeSilent(choice) || (choice.text === '' && choice.finish === 'length');
}

/** The answer to a request with `stream: false`, or any error. */
export function wholeAnswer(endpoint: Endpoint, status: number, text: string): Answer {
  const answer = emptyAnswer(status);
  const body = JSON.parse(text) as Json;
  if (status !== 200) {
    checkForm(answer, errorBodySchema, body);
    answer.error = (body as { error: ApiFault }).error;
    return answer;
  }
  checkForm(answer, WHOLE[endpoint], body);
  answer.usage = body['usage'] as Usage;
  for (const [place, told] of (body['choices'] as Json[]).entries()) {
    if (told['index'] !== place) answer.faults.push(`choices: index ${told['index']} in place ${place}`);
    const choice = choiceAt(answer, place);
    const message = (told['message'] ?? { content: told['text'] }) as Told;
    addMessage(answer, choice, message);
    addTokens(endpoint, choice, told);
    choice.finish = told['finish_reason'] as string;
    const promptTokenIds = body['prompt_token_ids'] as number[] | undefined;
    if (place === 0 && promptTokenIds !== undefined) choice.promptTokenIds = promptTokenIds;
    choice.promptLogprobs = told['prompt_logprobs'] ?? body['prompt_logprobs'];
    if (message.content === null ? !mayBeSilent(choice) : mustBeSilent(choice))
      answer.faults.push('content: null without a call, or empty with one');
  }
  return answer;
}

export type StreamOptions = { readonly include_usage?: boolean; readonly continuous_usage_stats?: boolean };

/** Joins the chunks of one stream. */
class StreamReader {
  readonly answer: Answer;
  readonly #endpoint: Endpoint;
  readonly #options: StreamOptions;
  /** Of each choice, as the last chunk told. */
  readonly #running: Usage[] = [];
  #identity: string | null = null;
  #isDone = false;
  #spoken = 0;

  constructor(endpoint: Endpoint, status: number, options: StreamOptions) {
    this.answer = emptyAnswer(status);
    this.#endpoint = endpoint;
    this.#options = options;
  }

  get #isRunning(): boolean {
    const { include_usage, continuous_usage_stats } = this.#options;
    return continuous_usage_stats === true && include_usage !== false;
  }

  get #includesUsage(): boolean {
    return this.#options.include_usage ?? this.#isRunning;
  }

  push(data: string): void {
    if (this.#isDone || this.answer.error !== null) this.#fault('stream: goes on behind its end');
    if (data === '[DONE]') {
      this.#isDone = true;
      return;
    }
    const chunk = JSON.parse(data) as Json;
    if (chunk['error'] !== undefined) {
      checkForm(this.answer, errorBodySchema, chunk);
      this.answer.error = chunk['error'] as ApiFault;
      this.answer.status = this.answer.error.type === 'invalid_request_error' ? 400 : 500;
      return;
    }
    checkForm(this.answer, CHUNK[this.#endpoint], chunk);
    this.#checkIdentity(chunk);
    if (this.answer.usage !== null) this.#fault('usage: not the last chunk');
    const choices = chunk['choices'] as Json[];
    this.#readUsage(chunk, choices[0]);
    for (const told of choices) this.#readChoice(told, chunk);
  }

  close(): Answer {
    const { choices, error, usage } = this.answer;
    if (error !== null) return this.answer;
    if (!this.#isDone) this.#fault('stream: no [DONE]');
    if ((usage !== null) !== this.#includesUsage)
      this.#fault(`usage: ${usage === null ? 'missing' : 'not asked for'}`);
    if (choices.some(({ finish }) => finish === null)) this.#fault('finish_reason: missing');
    this.#fillTokenIds();
    if (this.#endpoint === 'chat' && this.#spoken !== choices.length) this.#fault('role: not once a choice');
    if (this.#isRunning && usage !== null) {
      const told = this.#running.reduce((sum, { completion_tokens }) => sum + completion_tokens, 0);
      if (told !== usage.completion_tokens)
        this.#fault(`usage: ${told} at last, ${usage.completion_tokens} in the end`);
    }
    return this.answer;
  }

  #checkIdentity({ id, created, model }: Json): void {
    const identity = JSON.stringify([id, created, model]);
    this.#identity ??= identity;
    if (identity !== this.#identity) this.#fault('stream: of several answers');
  }

  /** In a stream nothing is told of a choice without tokens. */
  #fillTokenIds(): void {
    for (const choice of this.answer.choices) {
      if (choice.promptTokenIds !== null && this.#endpoint === 'completions') choice.tokenIds ??= [];
    }
  }

  #fault(text: string): void {
    this.answer.faults.push(text);
  }

  #readUsage(chunk: Json, told: Json | undefined): void {
    const usage = chunk['usage'] as Usage | null | undefined;
    if ((usage !== undefined) !== this.#includesUsage)
      this.#fault('usage: a key that was not asked for, or none');
    if (told === undefined) {
      this.answer.usage = usage ?? null;
      return;
    }
    if ((usage != null) !== this.#isRunning) this.#fault('usage: running, and not asked for, or none');
    if (usage == null) return;
    const index = told['index'] as number;
    const before = this.#running[index];
    if (before && before.completion_tokens > usage.completion_tokens) this.#fault('usage: falls');
    if (usage.prompt_tokens + usage.completion_tokens !== usage.total_tokens)
      this.#fault('usage: does not add up');
    this.#running[index] = usage;
  }

  #readChoice(told: Json, chunk: Json): void {
    const choice = choiceAt(this.answer, told['index'] as number);
    if (choice.finish !== null) this.#fault('stream: a delta behind finish_reason');
    const delta = (told['delta'] ?? { content: told['text'] }) as Told & { role?: string };
    if (delta.role !== undefined) this.#spoken++;
    addMessage(this.answer, choice, delta);
    addTokens(this.#endpoint, choice, told);
    choice.finish = (told['finish_reason'] as string | null) ?? choice.finish;
    const promptTokenIds = chunk['prompt_token_ids'] as number[] | undefined;
    if (promptTokenIds !== undefined) choice.promptTokenIds = promptTokenIds;
  }
}

/** The answer to a request with `stream: true`; errors without a stream as they are. */
export function streamedAnswer(
  endpoint: Endpoint,
  response: { readonly status: number; readonly text: string },
  options: StreamOptions,
): Answer {
  if (response.status !== 200) return wholeAnswer(endpoint, response.status, response.text);
  const reader = new StreamReader(endpoint, response.status, options);
  for (const event of response.text.split('\n\n')) {
    if (event.startsWith('data: ')) reader.push(event.slice('data: '.length));
    else if (event !== '' && !event.startsWith(':')) reader.answer.faults.push(`stream: ${event}`);
  }
  return reader.close();
}
