/**
 * The `TextGenerator`: puts template, tokenizer, engine client and text of the choices together. The choices of a
 * request are sequences of their own.
 */

import { ServerError } from '../base/errors.ts';
import { seedOfChoice } from '../base/random.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';
import { decodeTokens } from '../text/decode-tokens.ts';
import { findInfillMarkers } from '../text/infill.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { ChoiceFanOut } from './choice-fan-out.ts';
import { ChoiceText } from './choice-text.ts';
import type { EngineClient, GenerationInput, TokenEvent } from './engine-client.ts';
import type { GenerationDefaults } from './generation-defaults.ts';
import {
  bannedSequences,
  type EncodedPrompt,
  encodePrompt,
  newTokensAllowed,
  type PromptEncoder,
  promptParam,
  requireAllowedToken,
  requireCounted,
  requireTokenId,
} from './prompt-encoding.ts';
import { promptTokens, requireTellable, scoredPrompt } from './prompt-text.ts';
import {
  type Prompt,
  sequenceCountOf,
  type TextEvent,
  type TextGenerator,
  type TextRequest,
} from './text-generation.ts';

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
  readonly stopTokenIds: readonly number[];
  readonly sampling: SamplingParams;
};

type PlannedPrompt = EncodedPrompt & { readonly newTokensMax: number };

export function createTextGenerator(options: TextGeneratorOptions): TextGenerator {
  return {
    generate(request, signal) {
      const plan = planGeneration(request, options);
      return runChoices(plan, planPrompt(request, 0, options), { options, signal });
    },

    tokenize(prompt) {
      const context = { limits: options.client.limits, param: promptParam([prompt], 0) };
      const encoded = encodePrompt(prompt, options, context);
      requireCounted(encoded.tokenIds.length, context);
      return promptTokens(encoded, options.vocabulary);
    },

    detokenize(tokenIds) {
      const { vocabularySize } = options.client.limits;
      for (const [index, id] of tokenIds.entries()) requireTokenId(id, vocabularySize, `tokens[${index}]`);
      return decodeTokens(tokenIds, options.vocabulary);
    },

    tokenText: (tokenId) => options.vocabulary.textOf(tokenId),
    templateReads: (variable) => options.template?.reads(variable) ?? false,
    templateReadsField: (field) => options.template?.readsField(field) ?? false,
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
  for (const tokenId of request.allowedTokenIds ?? []) {
    requireTokenId(tokenId, limits.vocabularySize, 'allowed_token_ids');
  }
  const endOfText = request.ignoreEndOfText ? [] : endOfTextOf(request, options);
  const sampling = samplingOf(request, options);
  const stopTokenIds = [...new Set([...endOfText, ...request.stopTokenIds])];
  requireAllowedToken(sampling, request.newTokensMin > 0 ? stopTokenIds : []);
  return {
    request,
    stopTokenIds,
    sampling,
  };
}

/** What is filled in ends at a token of its own, too. */
function endOfTextOf({ prompts }: TextRequest, options: TextGeneratorOptions): readonly number[] {
  const isInfill = prompts.some(({ kind }) => kind === 'infill');
  const endId = isInfill ? (findInfillMarkers(options.tokenizer.addedTokens)?.endId ?? null) : null;
  return endId === null ? options.endOfTextTokenIds : [...options.endOfTextTokenIds, endId];
}

/** @throws ServerError when the prompt cannot run. */
function planPrompt(
  { prompts, newTokensMax }: TextRequest,
  promptIndex: number,
  options: TextGeneratorOptions,
): PlannedPrompt {
  const context = { limits: options.client.limits, param: promptParam(prompts, promptIndex) };
  const encoded = encodePrompt(prompts[promptIndex]!, options, context);
  // The engine ends a sequence at its first token at the earliest; of a choice without any, that one is not told.
  const wanted = newTokensMax === null ? null : Math.max(1, newTokensMax);
  return { ...encoded, newTokensMax: newTokensAllowed(wanted, encoded.tokenIds.length, context) };
}

/** The other prompts, one a turn of the event loop; fewer when `signal` aborts. */
async function planFurtherPrompts(
  first: PlannedPrompt,
  request: TextRequest,
  { options, signal }: RunOptions,
): Promise<readonly PlannedPrompt[]> {
  const prompts = [first];
  for (let index = 1; index < request.prompts.length && !signal.aborted; index++) {
    await new Promise((resolve) => setImmediate(resolve));
    prompts.push(planPrompt(request, index, options));
  }
  return prompts;
}

function samplingOf(
  request: TextRequest,
  { defaults, drawSeed, tokenizer }: TextGeneratorOptions,
): SamplingParams {
  return {
    temperature: request.temperature ?? defaults.temperature,
    topP: request.topP ?? defaults.topP,
    topK: request.topK ?? defaults.topK,
    minP: request.minP ?? defaults.minP,
    repetitionPenalty: request.repetitionPenalty ?? defaults.repetitionPenalty,
    presencePenalty: request.presencePenalty ?? 0,
    frequencyPenalty: request.frequencyPenalty ?? 0,
    logitBias: request.logitBias,
    allowedTokenIds: request.allowedTokenIds && Int32Array.from(request.allowedTokenIds),
    bannedSequences: bannedSequences(request.badWords, tokenizer),
    seed: request.seed ?? drawSeed(),
    logprobCount: request.logprobCount,
    promptLogprobCount: request.promptLogprobCount,
  };
}

/** The client may hand the prompt's memory to another thread, so every choice of several has its own copy. */
function inputOfChoice(plan: GenerationPlan, prompt: PlannedPrompt, choiceIndex: number): GenerationInput {
  const { request, sampling } = plan;
  // A prompt is scored once, whatever the number of its choices.
  const promptLogprobCount = choiceIndex === 0 ? sampling.promptLogprobCount : null;
  const isShared = request.choiceCount > 1 || request.wantsPrompts || request.promptLogprobCount !== null;
  return {
    promptTokenIds: isShared ? prompt.tokenIds.slice() : prompt.tokenIds,
    sampling: { ...sampling, promptLogprobCount, seed: seedOfChoice(sampling.seed, choiceIndex) },
    newTokensMax: prompt.newTokensMax,
    newTokensMin: request.newTokensMin,
    stopTokenIds: plan.stopTokenIds,
    grammar: request.grammar,
    cacheSalt: request.cacheSalt,
    priority: request.priority,
  };
}

/** An answer begins anew; whatever goes on from a text keeps the space that separates it from that. */
function beginsAnew([prompt]: readonly Prompt[]): boolean {
  return prompt?.kind === 'messages' && !prompt.rendering.continueFinalMessage;
}

function textOfChoice({ request, stopTokenIds }: GenerationPlan, vocabulary: Vocabulary): ChoiceText {
  return new ChoiceText({
    vocabulary,
    stop: request.stop,
    stopTokenIds: new Set(stopTokenIds),
    newTokensMin: request.newTokensMin,
    isEmpty: request.newTokensMax === 0,
    stripLeadingSpaces: beginsAnew(request.prompts),
    wantsLogprobs: request.logprobCount !== null,
    wantsStopLogprobs: request.wantsStopLogprobs,
    wantsTokenIds: request.wantsTokenIds,
  });
}

type RunOptions = { readonly options: TextGeneratorOptions; readonly signal: AbortSignal };

/**
 * Runs the choices and merges their events. Ends without `usage` when `signal` aborts. Whichever way it ends,
 * every sequence that is still running is cancelled.
 */
async function* runChoices(
  plan: GenerationPlan,
  first: PlannedPrompt,
  run: RunOptions,
): AsyncGenerator<TextEvent, void, void> {
  const { options, signal } = run;
  const { request } = plan;
  const prompts = await planFurtherPrompts(first, request, run);
  if (signal.aborted) return;
  requireTellable(request, prompts);
  const choices = Array.from({ length: sequenceCountOf(request) }, () =>
    textOfChoice(plan, options.vocabulary),
  );
  const promptTokenCount = total(prompts.map(({ tokenIds }) => tokenIds.length));
  const cachedCounts = new Int32Array(choices.length);
  const fanOut = new ChoiceFanOut({
    client: options.client,
    promptCount: prompts.length,
    choiceCount: request.choiceCount,
    inputOf: (promptIndex, choiceIndex) => inputOfChoice(plan, prompts[promptIndex]!, choiceIndex),
  });
  const stop = (): void => fanOut.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const described = request.wantsPrompts
      ? prompts.map((prompt) => promptTokens(prompt, options.vocabulary))
      : null;
    yield { kind: 'prompt', promptTokenCount, prompts: described };
    while (fanOut.openCount > 0) {
      const merged = await fanOut.next();
      if (merged === null) return;
      const { sourceIndex, value } = merged;
      const events: TextEvent[] = [];
      if (value?.kind === 'tokens-delta') {
        cachedCounts[sourceIndex] = value.cachedTokenCount;
        if (tellsPrompt(request, sourceIndex, choices[sourceIndex]!)) {
          const promptIndex = Math.floor(sourceIndex / request.choiceCount);
          const tokens = scoredPrompt(prompts[promptIndex]!, value.promptScores ?? [], options.vocabulary);
          events.push({ kind: 'prompt-logprobs', promptIndex, tokens });
        }
      }
      events.push(...choiceEvents(sourceIndex, choices[sourceIndex]!, value));
      if (events.at(-1)?.kind === 'choice-finish') fanOut.end(sourceIndex);
      yield* events;
      fanOut.resume(sourceIndex);
    }
    if (fanOut.isStopped) return;
    const cachedTokenCount = total(prompts.map((_, index) => cachedCounts[index * request.choiceCount]!));
    const completionTokenCount = total(choices.map(({ tokenCount }) => tokenCount));
    yield { kind: 'usage', usage: { promptTokenCount, cachedTokenCount, completionTokenCount } };
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** The first tokens of a prompt's first choice bring the scores of the prompt. */
function tellsPrompt(
  { promptLogprobCount, choiceCount }: TextRequest,
  sequenceIndex: number,
  choice: ChoiceText,
): boolean {
  return promptLogprobCount !== null && sequenceIndex % choiceCount === 0 && choice.tokenCount === 0;
}

/** @throws ServerError `step_failed` for a sequence that the engine ended by itself. */
function choiceEvents(choiceIndex: number, choice: ChoiceText, event: TokenEvent | null): TextEvent[] {
  if (event?.kind === 'tokens-delta') {
    if (choice.isEmpty) return [finishOf(choiceIndex, 'length', choice)];
    const { stopped, ...delta } = choice.push(event.tokens);
    const told: TextEvent = { kind: 'text-delta', choiceIndex, ...delta };
    return stopped ? [told, finishOf(choiceIndex, 'stop', choice)] : [told];
  }
  if (event === null || event.reason === 'abort') {
    throw new ServerError('step_failed', 'The engine ended the sequence before it was complete.');
  }
  const { stopped, ...delta } = choice.flush();
  const reason = stopped ? 'stop' : event.reason;
  const finish = finishOf(choiceIndex, reason, choice);
  const hasRest = delta.text !== '' || (delta.logprobs !== null && delta.logprobs.length > 0);
  return hasRest ? [{ kind: 'text-delta', choiceIndex, ...delta }, finish] : [finish];
}

function finishOf(choiceIndex: number, reason: 'stop' | 'length', choice: ChoiceText): TextEvent {
  const { meanLogprob } = choice;
  return { kind: 'choice-finish', choiceIndex, reason, ...(meanLogprob !== null && { meanLogprob }) };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
