/** A `TextGenerator` that plays a script, and an engine front that counts places: the routes' world without a model. */

import { ServerError } from '../../src/base/errors.ts';
import type { Feed, OnReadable } from '../../src/base/feed.ts';
import type { Admission, EngineHealth } from '../../src/engine/engine-client.ts';
import { OPENAI_DEFAULTS } from '../../src/engine/generation-defaults.ts';
import type { EngineLimits, StepReport } from '../../src/engine/protocol.ts';
import {
  type Prompt,
  type PromptTokens,
  type RunningUsage,
  sequenceCountOf,
  type TextEvent,
  type TextGenerator,
  type TextRequest,
  type TokenTextLogprobs,
} from '../../src/engine/text-generation.ts';
import { feedOf } from './feeds.ts';

export type Script = (request: TextRequest, signal: AbortSignal) => AsyncIterable<TextEvent>;

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Log probabilities of a token with so many alternatives; one of them impossible. */
export function tokenLogprobs(text: string, topCount: number, isSaid = true): TokenTextLogprobs {
  const bytes = [...Buffer.from(text)];
  const top = Array.from({ length: topCount }, (_, index) => ({
    tokenId: index,
    text: index === 0 ? text : `alternative ${index}`,
    bytes: index === 0 ? bytes : [0xff],
    logprob: index === 0 ? -0.25 : Number.NEGATIVE_INFINITY,
  }));
  return { tokenId: 7, text, bytes, logprob: -0.25, top, textStart: 0, isSaid };
}

/** What a request that wants to know gets told of its prompts: text, or ids written as `<1 2>`; one token each. */
function promptsOf({
  prompts,
  wantsPrompts,
}: Pick<TextRequest, 'prompts' | 'wantsPrompts'>): readonly PromptTokens[] | null {
  if (!wantsPrompts) return null;
  return prompts.map((prompt) => {
    if (prompt.kind === 'text') return { text: prompt.text, tokenIds: [1] };
    if (prompt.kind === 'infill') return { text: `${prompt.prefix}_${prompt.suffix}`, tokenIds: [1] };
    if (prompt.kind === 'messages') return { text: '<messages>', tokenIds: [1, 2] };
    return { text: `<${prompt.tokenIds.join(' ')}>`, tokenIds: prompt.tokenIds };
  });
}

function deltaOf(
  { logprobCount, wantsTokenIds }: TextRequest,
  [index, text]: readonly [number, string],
  textStart: number,
) {
  const logprobs = logprobCount === null ? null : [{ ...tokenLogprobs(text, logprobCount), textStart }];
  return { text, logprobs, tokenIds: wantsTokenIds ? [100 + index] : null };
}

/** A prompt of three tokens, the second not among the likely ones, the last not UTF-8 by itself. */
function scoredPromptOf(
  promptIndex: number,
  topCount: number,
): Extract<TextEvent, { kind: 'prompt-logprobs' }> {
  const top = Array.from({ length: topCount }, (_, rank) => ({
    tokenId: 50 + rank,
    text: `top ${rank}`,
    bytes: [65],
    logprob: -rank,
  }));
  const token = (tokenId: number, text: string, textStart: number) => ({
    tokenId,
    text,
    bytes: [...Buffer.from(text)],
    textStart,
  });
  const tokens = [
    { ...token(1, `p${promptIndex}`, 0), score: null },
    { ...token(2, ' rare', 2), score: { logprob: -9, rank: null, top } },
    { ...token(3, '\ufffd', 7), bytes: [0xe2], score: { logprob: Number.NEGATIVE_INFINITY, rank: 64, top } },
  ];
  return { kind: 'prompt-logprobs', promptIndex, tokens };
}

function scoredPromptsOf({ prompts, promptLogprobCount }: TextRequest): TextEvent[] {
  if (promptLogprobCount === null) return [];
  return prompts.map((_, index) => scoredPromptOf(index, promptLogprobCount));
}

/** Mean log probability of a choice; the later the better, but for the last of four. */
function meanLogprobOf({ wantsMeanLogprob }: TextRequest, choiceIndex: number) {
  return !wantsMeanLogprob ? {} : { meanLogprob: choiceIndex % 4 === 3 ? -99 : choiceIndex - 10 };
}

/** Each prompt has a token more than the one before it. */
function usedTokens(promptIndex: number, completionTokenCount: number): RunningUsage {
  return { promptTokenCount: 10 + promptIndex, completionTokenCount };
}

function runningUsageOf(
  { wantsRunningUsage, choiceCount }: TextRequest,
  choiceIndex: number,
  completionTokenCount: number,
): { readonly runningUsage?: RunningUsage } {
  if (!wantsRunningUsage) return {};
  return { runningUsage: usedTokens(Math.floor(choiceIndex / choiceCount), completionTokenCount) };
}

/** Every choice says `texts`, token by token, the choices in turn; the prompt has 10 tokens, 4 of them cached. */
export function saying(texts: readonly string[], reason: 'stop' | 'length' = 'stop'): Script {
  return async function* (request, signal) {
    const runningUsages = request.prompts.map((_, index) => usedTokens(index, 0));
    const usages = request.wantsRunningUsage ? { runningUsages } : {};
    yield { kind: 'prompt', promptTokenCount: 10, prompts: promptsOf(request), ...usages };
    yield* scoredPromptsOf(request);
    const choices = Array.from({ length: sequenceCountOf(request) }, (_, index) => index);
    let textStart = 0;
    for (const entry of texts.entries()) {
      for (const choiceIndex of choices) {
        if (signal.aborted) return;
        const usage = runningUsageOf(request, choiceIndex, entry[0] + 1);
        yield { kind: 'text-delta', choiceIndex, ...deltaOf(request, entry, textStart), ...usage };
      }
      textStart += [...entry[1]].length;
    }
    for (const choiceIndex of choices) {
      const usage = runningUsageOf(request, choiceIndex, texts.length);
      yield { kind: 'choice-finish', choiceIndex, reason, ...meanLogprobOf(request, choiceIndex), ...usage };
    }
    const completionTokenCount = texts.length * choices.length;
    const reasoningTokenCount = request.answerForm === null ? null : 0;
    const usage = { promptTokenCount: 10, cachedTokenCount: 4, completionTokenCount, reasoningTokenCount };
    yield { kind: 'usage', usage };
  };
}

/** Says `texts`, then nothing more until the request is aborted. */
export function sayingThenSilent(texts: readonly string[]): Script {
  return async function* (_request, signal) {
    yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
    for (const text of texts)
      yield { kind: 'text-delta', choiceIndex: 0, text, logprobs: null, tokenIds: null };
    await aborted(signal);
  };
}

/** Says `texts`, then fails. */
export function sayingThenFailing(texts: readonly string[], error: Error): Script {
  return async function* () {
    yield { kind: 'prompt', promptTokenCount: 10, prompts: null };
    for (const text of texts)
      yield { kind: 'text-delta', choiceIndex: 0, text, logprobs: null, tokenIds: null };
    throw error;
  };
}

export class FakeTextGenerator implements TextGenerator {
  readonly defaults = OPENAI_DEFAULTS;
  script: Script = saying(['Hello', ' ', 'world']);
  /** Thrown by `generate` itself, before anything is iterated. */
  refusal: Error | null = null;
  readonly requests: TextRequest[] = [];
  /** One a request; aborts when the request is cancelled. */
  readonly signals: AbortSignal[] = [];

  /** Variables that the chat template looks at. */
  readonly templateVariables = new Set<string>();
  readonly tokenized: Prompt[] = [];

  /** One token a character, its code point; messages are joined. */
  async tokenize(prompt: Prompt, _isWanted: () => boolean): Promise<PromptTokens> {
    if (this.refusal !== null) throw this.refusal;
    this.tokenized.push(prompt);
    if (prompt.kind === 'tokens')
      return { text: this.detokenize(prompt.tokenIds), tokenIds: prompt.tokenIds };
    const [described] = promptsOf({ prompts: [prompt], wantsPrompts: true })!;
    const text =
      prompt.kind === 'messages' ? prompt.messages.map(({ content }) => content).join('') : described!.text;
    return { text, tokenIds: [...text].map((each) => each.codePointAt(0)!) };
  }

  detokenize(tokenIds: readonly number[]): string {
    if (this.refusal !== null) throw this.refusal;
    return String.fromCodePoint(...tokenIds);
  }

  tokenText(tokenId: number): string {
    return String.fromCodePoint(tokenId);
  }

  /** Whether the template looks at thoughts of earlier answers. */
  readsThoughts = false;
  /** Roles of messages whose names the template shows. */
  readonly namedRoles = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

  templateShowsName(role: string): boolean {
    return this.namedRoles.has(role);
  }

  templateReadsThoughts(): boolean {
    return this.readsThoughts;
  }

  templateReads(variable: string): boolean {
    return this.templateVariables.has(variable);
  }

  generate(request: TextRequest, onReadable: OnReadable): Feed<TextEvent> {
    if (this.refusal !== null) throw this.refusal;
    const abort = new AbortController();
    this.requests.push(request);
    this.signals.push(abort.signal);
    return feedOf(this.script(request, abort.signal), onReadable, () => abort.abort());
  }
}

/** The places of the queue, and what the probes show. */
export class FakeEngine {
  readonly limits: EngineLimits = {
    blockCount: 128,
    blockSize: 16,
    modelLengthMax: 2048,
    vocabularySize: 1000,
    sequencesPerStepMax: 8,
    tokensPerStepMax: 256,
    cacheBytes: 1 << 20,
  };
  capacity = 512;
  /** What no request may need more of, however empty the queue is. */
  placesMax = 512;
  admittedCount = 0;
  state: EngineHealth['state'] = 'ready';
  withoutProgressMs = 0;
  readonly #listeners: ((report: StepReport) => void)[] = [];

  get health(): EngineHealth {
    const { state, admittedCount, withoutProgressMs } = this;
    return { state, inFlightCount: admittedCount, withoutProgressMs };
  }

  admit(count: number, param = 'n'): Admission {
    if (count > this.placesMax) throw new ServerError('invalid_request', 'Too many at a time.', { param });
    if (this.state === 'draining') throw new ServerError('shutting_down', 'The server is shutting down.');
    if (this.state === 'loading') throw new ServerError('not_ready', 'The model is being loaded.');
    if (this.state === 'dead') throw new ServerError('engine_dead', 'The engine has ended.');
    if (this.admittedCount + count > this.capacity) throw new ServerError('queue_full', 'The queue is full.');
    this.admittedCount += count;
    let isHeld = true;
    return {
      leave: () => {
        if (isHeld) this.admittedCount -= count;
        isHeld = false;
      },
    };
  }

  onStep(listener: (report: StepReport) => void): void {
    this.#listeners.push(listener);
  }

  report(report: StepReport): void {
    for (const listener of this.#listeners) listener(report);
  }
}
