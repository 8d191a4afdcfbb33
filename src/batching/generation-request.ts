/**
 * What one sequence is asked to be, and what is told about it: the vocabulary shared by scheduler, engine and
 * engine client. Token ids only; nothing of text, HTTP or OpenAI. Immutable, and cheap to send between threads.
 */

import type { CompiledGrammar } from '../sampling/grammar/grammar-cache.ts';
import type { GrammarTrigger } from '../sampling/grammar/grammar-trigger.ts';
import { GREEDY, type SamplingParams, type TokenLogprobs } from '../sampling/sampling-params.ts';

export type GenerationRequest = {
  /** Counts up from 1; unique for the life of the process. */
  readonly sequenceId: number;
  /** At least one token. */
  readonly promptTokenIds: Int32Array;
  readonly sampling: SamplingParams;
  /**
   * Output ends with reason `length` at this many tokens. 0: only the prompt is wanted; the token behind it is chosen
   * and told all the same, and needs no room in the context.
   */
  readonly newTokensMax: number;
  /** None of `stopTokenIds` can be chosen before so many tokens; 0 is off. */
  readonly newTokensMin: number;
  /** Tokens that end the output with reason `stop`; the stop token itself is part of the output. */
  readonly stopTokenIds: readonly number[];
  /** What the output has to look like; `null`: anything. */
  readonly grammar: OutputGrammar | null;
  /** What the client expects the output to be, so that it comes sooner where it is; `null`: nothing. */
  readonly predictedTokenIds: Int32Array | null;
  /** Only requests with the same salt share cached prefixes. */
  readonly cacheSalt: string;
  /** Higher is served first; equals in order of arrival. Any finite number, 0 by default. */
  readonly priority: number;
};

/** The likeliest tokens, with nothing else asked of them: what tests and benchmarks begin with. */
export const PLAIN_GENERATION: Omit<GenerationRequest, 'sequenceId' | 'promptTokenIds' | 'newTokensMax'> = {
  sampling: GREEDY,
  newTokensMin: 0,
  stopTokenIds: [],
  grammar: null,
  predictedTokenIds: null,
  cacheSalt: '',
  priority: 0,
};

export type OutputGrammar = {
  readonly compiled: CompiledGrammar;
  /** `null`: it holds the whole output. */
  readonly trigger: GrammarTrigger | null;
  /** Text before the output that may be a beginning of what the grammar holds; empty where there is none. */
  readonly begun: string;
};

/** `abort`: the client cancelled. A sequence that failed has no finish reason but an error. */
export type FinishReason = 'stop' | 'length' | 'abort';

/** One new token of a sequence, as a step committed it. */
export type SequenceToken = {
  readonly sequenceId: number;
  readonly tokenId: number;
  readonly logprobs: TokenLogprobs | null;
  /** Not null with the sequence's last token. */
  readonly finishReason: 'stop' | 'length' | null;
  /** Prompt tokens that were found in the prefix cache when the sequence was first admitted. */
  readonly cachedTokenCount: number;
};
