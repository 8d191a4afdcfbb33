/**
 * The `TextGenerator`: puts template, tokenizer, engine client and text of the choices together. The choices of a
 * request are sequences of their own.
 */

import { ServerError } from '../base/errors.ts';
import { OPTIONAL_WAIT_MS } from '../base/grammar-limits.ts';
import { seedOfChoice } from '../base/random.ts';
import type { GrammarSource } from '../sampling/grammar/grammar-source.ts';
import type { SamplingParams } from '../sampling/sampling-params.ts';
import { decodeTokens } from '../text/decode-tokens.ts';
import { findInfillMarkers } from '../text/infill.ts';
import { someTemplate } from '../text/message/chat-formats.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { AnswerPlanner } from './answer-planner.ts';
import { ChoiceText } from './choice-text.ts';
import type { EngineClient, GenerationInput } from './engine-client.ts';
import type { GenerationDefaults } from './generation-defaults.ts';
import type { ModelGrammars } from './model-grammars.ts';
import {
  bannedSequences,
  type EncodedPrompt,
  type EncodePromptOptions,
  encodePrompt,
  newTokensAllowed,
  type PromptEncoder,
  promptParam,
  requireAllowedToken,
  requireCounted,
  requireTokenId,
} from './prompt-encoding.ts';
import { promptTokens, requireTellable, scoredPrompt } from './prompt-text.ts';
import { isLongPrompt, type PromptThread } from './prompt-thread.ts';
import { type PlannedPrompt, RunningGeneration } from './running-generation.ts';
import type { Prompt, TextGenerator, TextRequest } from './text-generation.ts';

export type TextGeneratorOptions = PromptEncoder & {
  readonly client: EngineClient;
  readonly vocabulary: Vocabulary;
  /** Encodes what would keep this thread busy for too long. */
  readonly longPrompts: Pick<PromptThread, 'encode'>;
  readonly grammars: Pick<ModelGrammars, 'compile'>;
  readonly defaults: GenerationDefaults;
  readonly endOfTextTokenIds: readonly number[];
  /** A seed for each prompt of a request that names none: equal prompts get answers of their own. */
  readonly drawSeed: () => number;
};

/** A checked request: everything that its choices share. */
type GenerationPlan = {
  readonly request: TextRequest;
  readonly stopTokenIds: readonly number[];
  readonly sampling: UnseededSampling;
};

/** What all sequences of a request share. */
type UnseededSampling = Omit<SamplingParams, 'seed'>;

type GeneratorParts = TextGeneratorOptions & { readonly planner: AnswerPlanner };

export function createTextGenerator(given: TextGeneratorOptions): TextGenerator {
  const options: GeneratorParts = { ...given, planner: new AnswerPlanner(given) };
  return {
    generate(request, onReadable) {
      const plan = planGeneration(request, options);
      return new RunningGeneration({
        request,
        client: options.client,
        planPrompt: (promptIndex, isWanted) => planPrompt(request, promptIndex, { ...options, isWanted }),
        inputOf: (prompt, choiceIndex) => inputOfChoice(plan, prompt, choiceIndex),
        createChoiceText: (prompt) => textOfChoice(plan, prompt, options.vocabulary),
        checkPrompts: (prompts) => requireTellable(request, prompts),
        describePrompt: (prompt) => promptTokens(prompt, options.vocabulary),
        describeScores: (prompt, scores) => scoredPrompt(prompt, scores, options.vocabulary),
        onReadable,
      });
    },

    async tokenize(prompt, isWanted) {
      const context = { limits: options.client.limits, param: promptParam([prompt], 0) };
      const encoded = await encodeWherever(prompt, context, { ...options, isWanted });
      requireCounted(encoded.tokenIds.length, context);
      return promptTokens(encoded, options.vocabulary);
    },

    detokenize(tokenIds) {
      const { vocabularySize } = options.client.limits;
      for (const [index, id] of tokenIds.entries()) requireTokenId(id, vocabularySize, `tokens[${index}]`);
      return decodeTokens(tokenIds, options.vocabulary);
    },

    defaults: options.defaults,
    tokenText: (tokenId) => options.vocabulary.textOf(tokenId),
    templateReads: (variable) => someTemplate(options.formats, (each) => each.reads(variable)),
    templateShowsName: (role) => someTemplate(options.formats, (each) => each.showsName(role)),
    templateReadsThoughts: () => someTemplate(options.formats, (each) => each.readsThoughts),
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
  return { request, stopTokenIds, sampling };
}

/** What is filled in ends at a token of its own, too. */
function endOfTextOf({ prompts }: TextRequest, options: TextGeneratorOptions): readonly number[] {
  const isInfill = prompts.some(({ kind }) => kind === 'infill');
  const endId = isInfill ? (findInfillMarkers(options.tokenizer.addedTokens)?.endId ?? null) : null;
  return endId === null ? options.endOfTextTokenIds : [...options.endOfTextTokenIds, endId];
}

type EncodingOptions = GeneratorParts & { readonly isWanted: () => boolean };

/** @throws ServerError when the prompt cannot run; by rejecting, where another thread encodes or compiles. */
function planPrompt(
  request: TextRequest,
  promptIndex: number,
  options: EncodingOptions,
): PlannedPrompt | Promise<PlannedPrompt> {
  const { prompts, newTokensMax, newTokensRoomMax } = request;
  const context = { limits: options.client.limits, param: promptParam(prompts, promptIndex) };
  const plan = (encoded: EncodedPrompt): PlannedPrompt | Promise<PlannedPrompt> => {
    requireTokens(encoded, context.param);
    const room = newTokensAllowed(newTokensMax, encoded.tokenIds.length, context);
    const allowed = newTokensRoomMax === null ? room : Math.min(room, newTokensRoomMax);
    requireRoomFor(request.newTokensMin, allowed);
    const answer = options.planner.plan(request, encoded.text);
    const { message, grammar, trigger, begun } = answer;
    const source = trigger === null ? fromStart(grammar, prompts, options) : grammar;
    // Calls that a model may make need no grammar: without it they are told when they are whole.
    const compiling = source && options.grammars.compile(source, options.isWanted);
    return whenReady(trigger === null ? compiling : unlessLate(compiling), (compiled) =>
      whenReady(predictedTokens(request, options), (predictedTokenIds) => ({
        ...encoded,
        newTokensMax: allowed,
        predictedTokenIds,
        seed: request.seed ?? options.drawSeed(),
        message: compiled === null ? message && { ...message, trigger: null } : message,
        grammar: compiled && { compiled, trigger, begun },
      })),
    );
  };
  return whenReady(encodeWherever(prompts[promptIndex]!, context, options), plan);
}

/** The tokens of what is expected; `null` where there are none, or none that the model has or that could be drafted. */
function predictedTokens(
  { prediction, badWords }: TextRequest,
  options: EncodingOptions,
): Int32Array | null | Promise<Int32Array | null> {
  if (prediction === null || prediction === '' || badWords.length > 0) return null;
  const prompt: Prompt = { kind: 'text', text: prediction, addSpecialTokens: false };
  const context = { limits: options.client.limits, param: 'prediction' };
  let isAwaited = true;
  const isWanted = () => isAwaited && options.isWanted();
  try {
    const encoding = encodeWherever(prompt, context, { ...options, isWanted });
    return whenReady(unlessLate(encoding), (encoded) => {
      // What came too late need not take the thread's time any more.
      isAwaited = false;
      return encoded?.tokenIds ?? null;
    });
  } catch (error) {
    if (error instanceof ServerError) return null;
    throw error;
  }
}

/** Where the request names no greatest number of tokens, it is not known before the prompt is. */
function requireRoomFor(newTokensMin: number, newTokensMax: number): void {
  if (newTokensMin <= newTokensMax) return;
  throw new ServerError(
    'invalid_request',
    `'min_tokens' asks for ${newTokensMin} tokens, and there is room for ${newTokensMax}.`,
    { param: 'min_tokens' },
  );
}

/** Of no tokens there is nothing that could follow. */
function requireTokens({ tokenIds }: EncodedPrompt, param: string): void {
  if (tokenIds.length === 0) throw new ServerError('invalid_request', 'The prompt is empty.', { param });
}

/** At once where that is possible: nothing then comes between a request and its place in the engine's queue. */
function whenReady<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** For what only helps: `null` when it comes to nothing, or too late. */
function unlessLate<T>(value: T | Promise<T>): T | null | Promise<T | null> {
  if (!(value instanceof Promise)) return value;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), OPTIONAL_WAIT_MS);
    void value.then(resolve, () => resolve(null)).finally(() => clearTimeout(timer));
  });
}

/** Where a space at the very beginning is taken off the text, the grammar is told that there may be one. */
function fromStart(
  grammar: GrammarSource | null,
  prompts: readonly Prompt[],
  { vocabulary }: EncodingOptions,
): GrammarSource | null {
  const losesSpace = vocabulary.leadingSpaces.count > 0 && beginsAnew(prompts);
  if (grammar === null || !losesSpace) return grammar;
  const space: GrammarSource = { kind: 'repeat', of: { kind: 'literal', text: ' ' }, min: 0, max: 1 };
  return { kind: 'sequence', parts: [space, grammar] };
}

/** A short prompt at once, a long one in its own thread. @throws ServerError of `encodePrompt`. */
function encodeWherever(
  prompt: Prompt,
  context: EncodePromptOptions,
  options: EncodingOptions,
): EncodedPrompt | Promise<EncodedPrompt> {
  return isLongPrompt(prompt)
    ? options.longPrompts.encode(prompt, context, options.isWanted)
    : encodePrompt(prompt, options, context);
}

function samplingOf(request: TextRequest, { defaults, tokenizer }: TextGeneratorOptions): UnseededSampling {
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
    logprobCount: request.logprobCount ?? (request.wantsMeanLogprob ? 0 : null),
    promptLogprobCount: request.promptLogprobCount,
  };
}

function inputOfChoice(plan: GenerationPlan, prompt: PlannedPrompt, choiceIndex: number): GenerationInput {
  const { request, sampling } = plan;
  // A prompt is scored once, whatever the number of its choices.
  const promptLogprobCount = choiceIndex === 0 ? sampling.promptLogprobCount : null;
  return {
    promptTokenIds: prompt.tokenIds,
    sampling: { ...sampling, promptLogprobCount, seed: seedOfChoice(prompt.seed, choiceIndex) },
    newTokensMax: prompt.newTokensMax,
    newTokensMin: request.newTokensMin,
    stopTokenIds: plan.stopTokenIds,
    grammar: prompt.grammar,
    predictedTokenIds: prompt.predictedTokenIds,
    cacheSalt: request.cacheSalt,
    priority: request.priority,
  };
}

/** An answer begins anew; whatever goes on from a text keeps the space that separates it from that. */
function beginsAnew([prompt]: readonly Prompt[]): boolean {
  return prompt?.kind === 'messages' && !prompt.rendering.continueFinalMessage;
}

function textOfChoice(
  { request, stopTokenIds }: GenerationPlan,
  prompt: PlannedPrompt,
  vocabulary: Vocabulary,
): ChoiceText {
  return new ChoiceText({
    vocabulary,
    stop: request.stop,
    stopTokenIds: new Set(stopTokenIds),
    newTokensMin: request.newTokensMin,
    isEmpty: request.newTokensMax === 0,
    stripLeadingSpaces: beginsAnew(request.prompts),
    wantsLogprobs: request.logprobCount !== null,
    wantsMeanLogprob: request.wantsMeanLogprob,
    wantsStopLogprobs: request.wantsStopLogprobs,
    wantsTokenIds: request.wantsTokenIds,
    message: prompt.message,
  });
}
