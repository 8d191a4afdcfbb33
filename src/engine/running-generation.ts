/**
 * A request that runs: its prompts, its sequences, the text of its choices, as one feed of text events. The events
 * come in the order in which a client may see them: `prompt`, then what the choices say, then `usage`.
 */

import { ServerError } from '../base/errors.ts';
import type { Feed, OnReadable } from '../base/feed.ts';
import type { OutputGrammar } from '../batching/generation-request.ts';
import type { PromptScores } from '../sampling/prompt-scores.ts';
import { ChoiceFanOut } from './choice-fan-out.ts';
import type { ChoiceDelta, ChoiceMessageOptions, ChoiceText } from './choice-text.ts';
import type { EngineClient, GenerationInput, PredictedCounts, TokenEvent } from './engine-client.ts';
import type { EncodedPrompt } from './prompt-encoding.ts';
import {
  type PromptTokens,
  type PromptTokenText,
  type RunningUsage,
  sequenceCountOf,
  type TextEvent,
  type TextRequest,
  type TextUsage,
} from './text-generation.ts';

/** A prompt that is known to fit. */
export type PlannedPrompt = EncodedPrompt & {
  readonly newTokensMax: number;
  /** What its choices are expected to be; `null`: nothing. */
  readonly predictedTokenIds: Int32Array | null;
  /** Of its first choice. */
  readonly seed: number;
  readonly message: ChoiceMessageOptions | null;
  readonly grammar: OutputGrammar | null;
};

export type GenerationRun = {
  readonly request: TextRequest;
  readonly client: Pick<EngineClient, 'generate' | 'onEnd'>;
  /**
   * Encodes one of the request's prompts; of a long one nothing comes when it is no longer wanted.
   * @throws ServerError when it cannot run.
   */
  readonly planPrompt: (
    promptIndex: number,
    isWanted: () => boolean,
  ) => PlannedPrompt | Promise<PlannedPrompt>;
  readonly inputOf: (prompt: PlannedPrompt, choiceIndex: number) => GenerationInput;
  readonly createChoiceText: (prompt: PlannedPrompt) => ChoiceText;
  /** Of all prompts together. @throws ServerError when they cannot run. */
  readonly checkPrompts: (prompts: readonly PlannedPrompt[]) => void;
  readonly describePrompt: (prompt: PlannedPrompt) => PromptTokens;
  readonly describeScores: (
    prompt: PlannedPrompt,
    scores: readonly PromptScores[],
  ) => readonly PromptTokenText[];
  readonly onReadable: OnReadable;
};

type TokensDelta = Extract<TokenEvent, { kind: 'tokens-delta' }>;

export class RunningGeneration implements Feed<TextEvent> {
  readonly #run: GenerationRun;
  readonly #prompts: PlannedPrompt[] = [];
  /** None before the prompts are planned. */
  #choices: readonly ChoiceText[] = [];
  /** [sequences] prompt tokens that were found in the prefix cache. */
  readonly #cachedCounts: Int32Array;
  /** [sequences] what came of the prediction. */
  readonly #predicted: PredictedCounts[] = [];
  /** What is to be given before anything more is taken from a sequence; a handful at most. */
  readonly #events: TextEvent[] = [];
  /** Null while prompts are still being encoded. */
  #fanOut: ChoiceFanOut | null = null;
  #failure: unknown = null;
  #isOver = false;

  /** @throws ServerError of one short prompt, or of `EngineClient.generate` for it; else the feed throws. */
  constructor(run: GenerationRun) {
    this.#run = run;
    const sequenceCount = sequenceCountOf(run.request);
    this.#cachedCounts = new Int32Array(sequenceCount);
    const first = this.#plan();
    if (first instanceof Promise || run.request.prompts.length > 1) {
      // Nothing else tells it of the engine's end before it has sequences.
      const forget = run.client.onEnd((error) => this.#fail(error));
      void this.#planFrom(first).then(() => {
        forget();
        if (!this.#isOver) run.onReadable(true);
      });
    } else {
      this.#prompts.push(first);
      this.#start();
    }
  }

  take(): TextEvent | null {
    if (this.#isOver) return null;
    try {
      return this.#next();
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  cancel(): void {
    this.#isOver = true;
    this.#fanOut?.cancel();
  }

  #next(): TextEvent | null {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) return event;
      if (this.#failure !== null) throw this.#failure;
      const told = this.#fanOut?.take() ?? null;
      if (told === null) return null;
      this.#take(told.sequenceIndex, told.event);
    }
  }

  #plan(): PlannedPrompt | Promise<PlannedPrompt> {
    return this.#run.planPrompt(this.#prompts.length, () => !this.#isOver);
  }

  /** Prompts are encoded one a turn of the event loop, so that many of them keep nobody waiting. Never rejects. */
  async #planFrom(first: PlannedPrompt | Promise<PlannedPrompt>): Promise<void> {
    try {
      this.#prompts.push(await first);
      while (this.#prompts.length < this.#run.request.prompts.length && !this.#isOver) {
        await new Promise((resolve) => setImmediate(resolve));
        this.#prompts.push(await this.#plan());
      }
      if (!this.#isOver && this.#failure === null) this.#start();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure ??= error;
    this.#run.onReadable(true);
  }

  #start(): void {
    const { request, client, checkPrompts, inputOf, createChoiceText, describePrompt, onReadable } =
      this.#run;
    checkPrompts(this.#prompts);
    this.#choices = this.#prompts.flatMap((prompt) =>
      Array.from({ length: request.choiceCount }, () => createChoiceText(prompt)),
    );
    this.#fanOut = new ChoiceFanOut({
      client,
      promptCount: this.#prompts.length,
      choiceCount: request.choiceCount,
      inputOf: (promptIndex, choiceIndex) => inputOf(this.#prompts[promptIndex]!, choiceIndex),
      // A stop string is found when its text is taken; until then the engine computes what nobody will read.
      onReadable: request.stop.length === 0 ? onReadable : () => onReadable(true),
    });
    this.#events.push({
      kind: 'prompt',
      promptTokenCount: this.#promptTokenCount(),
      prompts: request.wantsPrompts ? this.#prompts.map(describePrompt) : null,
      ...(request.wantsRunningUsage && {
        runningUsages: this.#prompts.map(({ tokenIds }) => ({
          promptTokenCount: tokenIds.length,
          completionTokenCount: 0,
        })),
      }),
    });
  }

  /** @throws ServerError `step_failed` for a sequence that the engine ended by itself. */
  #take(choiceIndex: number, event: TokenEvent): void {
    const choice = this.#choices[choiceIndex]!;
    if (event.kind === 'tokens-delta') {
      this.#takeTokens(choiceIndex, event);
      return;
    }
    if (event.reason === 'abort') {
      throw new ServerError('step_failed', 'The engine ended the sequence before it was complete.');
    }
    const rest = choice.flush();
    if (rest.parts.length > 0 || (rest.logprobs !== null && rest.logprobs.length > 0))
      this.#say(choiceIndex, rest);
    this.#finish(choiceIndex, rest.stopped ? 'stop' : event.reason);
  }

  #takeTokens(choiceIndex: number, event: TokensDelta): void {
    const choice = this.#choices[choiceIndex]!;
    this.#cachedCounts[choiceIndex] = event.cachedTokenCount;
    this.#predicted[choiceIndex] = event.predicted;
    if (choice.tokenCount === 0) this.#tellScores(choiceIndex, event.promptScores ?? []);
    if (choice.isEmpty) {
      this.#finish(choiceIndex, 'length');
      return;
    }
    const delta = choice.push(event.tokens);
    this.#say(choiceIndex, delta);
    if (delta.stopped) this.#finish(choiceIndex, 'stop');
  }

  /** The first tokens of a prompt's first choice bring the scores of the prompt. */
  #tellScores(sequenceIndex: number, scores: readonly PromptScores[]): void {
    const { request, describeScores } = this.#run;
    if (request.promptLogprobCount === null || sequenceIndex % request.choiceCount !== 0) return;
    const promptIndex = sequenceIndex / request.choiceCount;
    const tokens = describeScores(this.#prompts[promptIndex]!, scores);
    this.#events.push({ kind: 'prompt-logprobs', promptIndex, tokens });
  }

  #say(choiceIndex: number, { parts, logprobs, tokenIds }: ChoiceDelta): void {
    const [first] = parts;
    const text = first?.kind === 'content' ? first.text : '';
    const isText = first === undefined || (parts.length === 1 && first.kind === 'content');
    const usage = this.#runningUsage(choiceIndex);
    this.#events.push(
      isText
        ? { kind: 'text-delta', choiceIndex, text, logprobs, tokenIds, ...usage }
        : { kind: 'message-delta', choiceIndex, parts, logprobs, tokenIds, ...usage },
    );
  }

  #finish(choiceIndex: number, end: 'stop' | 'length'): void {
    const fanOut = this.#fanOut!;
    fanOut.end(choiceIndex, this.#choices[choiceIndex]!.tokenCount);
    const { meanLogprob, hasCalled } = this.#choices[choiceIndex]!;
    const reason = end === 'stop' && hasCalled ? 'tool-calls' : end;
    const mean = meanLogprob === null ? {} : { meanLogprob };
    const usage = this.#runningUsage(choiceIndex);
    this.#events.push({ kind: 'choice-finish', choiceIndex, reason, ...mean, ...usage });
    if (fanOut.openCount === 0) this.#events.push({ kind: 'usage', usage: this.#usage() });
  }

  #runningUsage(choiceIndex: number): { readonly runningUsage?: RunningUsage } {
    const { wantsRunningUsage, choiceCount } = this.#run.request;
    if (!wantsRunningUsage) return {};
    const promptTokenCount = this.#prompts[Math.floor(choiceIndex / choiceCount)]!.tokenIds.length;
    return {
      runningUsage: { promptTokenCount, completionTokenCount: this.#choices[choiceIndex]!.tokenCount },
    };
  }

  #usage(): TextUsage {
    const { choiceCount, answerForm: form, prediction } = this.#run.request;
    const isToldApart = form !== null && form.reasoning !== 'inline';
    const tokenCounts = this.#choices.map(({ tokenCount }) => tokenCount);
    const reasoningTokenCount = total(this.#choices.map((choice) => choice.reasoningTokenCount));
    return {
      promptTokenCount: this.#promptTokenCount(),
      cachedTokenCount: total(this.#prompts.map((_, index) => this.#cachedCounts[index * choiceCount]!)),
      completionTokenCount: total(tokenCounts),
      ...(tokenCounts.length > 1 && { longestTokenCount: Math.max(...tokenCounts) }),
      reasoningTokenCount: isToldApart ? reasoningTokenCount : null,
      ...(prediction !== null && { predicted: this.#predictedCounts() }),
    };
  }

  /** What the engine took behind a stop string is not told apart; that is no more than there is output, at the least. */
  #predictedCounts(): PredictedCounts {
    const accepted = this.#predicted.map(({ acceptedCount }, choiceIndex) =>
      Math.min(acceptedCount, this.#choices[choiceIndex]!.tokenCount),
    );
    return {
      acceptedCount: total(accepted),
      rejectedCount: total(this.#predicted.map(({ rejectedCount }) => rejectedCount)),
    };
  }

  #promptTokenCount(): number {
    return total(this.#prompts.map(({ tokenIds }) => tokenIds.length));
  }
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
