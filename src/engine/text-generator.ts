/**
 * The `TextGenerator`: puts template, tokenizer, engine client and text of the choices together. The choices of a
 * request are sequences of their own; all but the first are submitted at the first event of the first, when the
 * prompt's blocks are in the prefix cache, so that the prompt is computed once.
 */

import { ServerError } from '../base/errors.ts';
import { seedOfChoice } from '../base/random.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { ChoiceText } from './choice-text.ts';
import type { EngineClient, GenerationInput, TokenEvent } from './engine-client.ts';
import type { GenerationDefaults } from './generation-defaults.ts';
import { encodePrompt, newTokensAllowed, type PromptEncoder, requireTokenId } from './prompt-encoding.ts';
import { StreamMerge } from './stream-merge.ts';
import type { TextEvent, TextGenerator, TextRequest } from './text-generation.ts';

export type TextGeneratorOptions = PromptEncoder & {
  readonly client: EngineClient;
  readonly vocabulary: Vocabulary;
  readonly defaults: GenerationDefaults;
  readonly endOfTextTokenIds: readonly number[];
  /** A seed for a request that names none. */
  readonly drawSeed: () => number;
};

/** A checked request: everything that its choices share. */
type GenerationPlan = {
  readonly request: TextRequest;
  readonly promptTokenIds: Int32Array;
  readonly newTokensMax: number;
  readonly stopTokenIds: readonly number[];
  readonly sampling: SamplingParams;
};

export function createTextGenerator(options: TextGeneratorOptions): TextGenerator {
  return {
    generate(request, signal) {
      return runChoices(planGeneration(request, options), options, signal);
    },
  };
}

/** @throws ServerError when the request cannot run. */
function planGeneration(request: TextRequest, options: TextGeneratorOptions): GenerationPlan {
  const { limits } = options.client;
  for (const tokenId of request.logitBias.keys()) {
    requireTokenId(tokenId, limits.vocabularySize, 'logit_bias');
  }
  for (const tokenId of request.stopTokenIds) {
    requireTokenId(tokenId, limits.vocabularySize, 'stop_token_ids');
  }
  const promptTokenIds = encodePrompt(request.prompt, options, limits);
  const endOfText = request.ignoreEndOfText ? [] : options.endOfTextTokenIds;
  return {
    request,
    promptTokenIds,
    newTokensMax: newTokensAllowed(request, promptTokenIds.length, limits),
    stopTokenIds: [...new Set([...endOfText, ...request.stopTokenIds])],
    sampling: samplingOf(request, options),
  };
}

function samplingOf(request: TextRequest, { defaults, drawSeed }: TextGeneratorOptions): SamplingParams {
  return {
    temperature: request.temperature ?? defaults.temperature,
    topP: request.topP ?? defaults.topP,
    topK: request.topK ?? defaults.topK,
    minP: request.minP ?? defaults.minP,
    repetitionPenalty: request.repetitionPenalty ?? defaults.repetitionPenalty,
    presencePenalty: request.presencePenalty ?? 0,
    frequencyPenalty: request.frequencyPenalty ?? 0,
    logitBias: request.logitBias,
    seed: request.seed ?? drawSeed(),
    logprobCount: request.logprobCount,
  };
}

/** The client may hand the prompt's memory to another thread, so every choice of several has its own copy. */
function inputOfChoice(plan: GenerationPlan, choiceIndex: number): GenerationInput {
  const { request, promptTokenIds, sampling } = plan;
  return {
    promptTokenIds: request.choiceCount === 1 ? promptTokenIds : promptTokenIds.slice(),
    sampling: { ...sampling, seed: seedOfChoice(sampling.seed, choiceIndex) },
    newTokensMax: plan.newTokensMax,
    newTokensMin: request.newTokensMin,
    stopTokenIds: plan.stopTokenIds,
    cacheSalt: request.cacheSalt,
    priority: request.priority,
  };
}

function textOfChoice(plan: GenerationPlan, vocabulary: Vocabulary): ChoiceText {
  return new ChoiceText({
    vocabulary,
    stop: plan.request.stop,
    stopTokenIds: new Set(plan.stopTokenIds),
    newTokensMin: plan.request.newTokensMin,
    stripLeadingSpaces: plan.request.prompt.kind === 'messages',
    wantsLogprobs: plan.request.logprobCount !== null,
  });
}

/**
 * Runs the choices and merges their events. Ends without `usage` when `signal` aborts. Whichever way it ends,
 * every sequence that is still running is cancelled.
 */
async function* runChoices(
  plan: GenerationPlan,
  { client, vocabulary }: TextGeneratorOptions,
  signal: AbortSignal,
): AsyncGenerator<TextEvent, void, void> {
  if (signal.aborted) return;
  const { choiceCount } = plan.request;
  const promptTokenCount = plan.promptTokenIds.length;
  const choices = Array.from({ length: choiceCount }, () => textOfChoice(plan, vocabulary));
  const merge = new StreamMerge<TokenEvent>();
  // One controller a choice: Node warns of a leak when many listeners share a signal.
  const cancels: AbortController[] = [];
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    for (const cancel of cancels) cancel.abort();
    merge.close();
  };
  const start = (index: number): void => {
    const cancel = new AbortController();
    cancels.push(cancel);
    merge.add(index, client.generate(inputOfChoice(plan, index), cancel.signal));
  };
  let startedCount = 1;
  let cachedTokenCount = 0;
  signal.addEventListener('abort', stop, { once: true });
  try {
    start(0);
    yield { kind: 'prompt', promptTokenCount };
    while (merge.openCount > 0) {
      const merged = await merge.next();
      if (merged === null) return;
      const { sourceIndex, value } = merged;
      for (; startedCount < choiceCount; startedCount++) start(startedCount);
      if (sourceIndex === 0 && value?.kind === 'tokens-delta') cachedTokenCount = value.cachedTokenCount;
      const events = choiceEvents(sourceIndex, choices[sourceIndex]!, value);
      if (events.at(-1)?.kind === 'choice-finish') merge.remove(sourceIndex);
      yield* events;
      merge.resume(sourceIndex);
    }
    if (stopped) return;
    yield {
      kind: 'usage',
      usage: { promptTokenCount, cachedTokenCount, completionTokenCount: total(choices) },
    };
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** @throws ServerError `step_failed` for a sequence that the engine ended by itself. */
function choiceEvents(choiceIndex: number, choice: ChoiceText, event: TokenEvent | null): TextEvent[] {
  if (event?.kind === 'tokens-delta') {
    const { text, logprobs, stopped } = choice.push(event.tokens);
    const delta: TextEvent = { kind: 'text-delta', choiceIndex, text, logprobs };
    return stopped ? [delta, { kind: 'choice-finish', choiceIndex, reason: 'stop' }] : [delta];
  }
  if (event === null || event.reason === 'abort') {
    throw new ServerError('step_failed', 'The engine ended the sequence before it was complete.');
  }
  const { text, logprobs, stopped } = choice.flush();
  const reason = stopped ? 'stop' : event.reason;
  const finish: TextEvent = { kind: 'choice-finish', choiceIndex, reason };
  const hasRest = text !== '' || (logprobs !== null && logprobs.length > 0);
  return hasRest ? [{ kind: 'text-delta', choiceIndex, text, logprobs }, finish] : [finish];
}

function total(choices: readonly ChoiceText[]): number {
  return choices.reduce((sum, choice) => sum + choice.tokenCount, 0);
}
