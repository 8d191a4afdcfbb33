/**
 * How one sequence chooses its tokens: validated and complete. Defaults, ranges and OpenAI's names are the
 * business of `routes` and `text-generation`; here every field has a value.
 *
 * The order of the pipeline is fixed, and the one of vLLM's V1 sampler:
 *  1. edits of single logits: bias, repetition penalty, frequency and presence penalty; forbidden tokens (stop tokens
 *     too early, banned sequences, all that are not on the list of allowed ones) come to -Infinity;
 *  2. temperature (0: the largest logit is taken, the rest does not matter);
 *  3. min_p, then top_k, then top_p, each over the distribution that the one before has left;
 *  4. one draw.
 * vLLM forbids before it adds the bias; as nothing brings -Infinity back, the result is the same. Equal logits are
 * ranked by lower token id, and top_k keeps exactly so many; vLLM's and Hugging Face's sorting forms keep all that
 * equal the last one. Log probabilities are taken before step 1.
 */

export type SamplingParams = {
  /** Divides the logits before the draw; 0, and all below `TEMPERATURE_MIN`, is greedy. In [0, 2]. */
  readonly temperature: number;
  /** Smallest set of most likely tokens whose mass reaches this; in (0, 1], 1 is off. */
  readonly topP: number;
  /** Only so many most likely tokens; 0 is off. */
  readonly topK: number;
  /** Only tokens at least this fraction as likely as the most likely one; in [0, 1], 0 is off. */
  readonly minP: number;
  /** Divides positive and multiplies negative logits of tokens in prompt or output; above 0, 1 is off. */
  readonly repetitionPenalty: number;
  /** Subtracted from logits of tokens in the output; in [-2, 2], 0 is off. */
  readonly presencePenalty: number;
  /** Subtracted once for every time that the token is in the output; in [-2, 2], 0 is off. */
  readonly frequencyPenalty: number;
  /** Token id -> addend to its logit, in [-100, 100]. */
  readonly logitBias: ReadonlyMap<number, number>;
  /** `null`: all. Otherwise only these tokens can be chosen, whatever else is asked; at least one, ids that exist. */
  readonly allowedTokenIds: Int32Array | null;
  /** Token sequences, of at least one token each, that the output never completes. */
  readonly bannedSequences: readonly Int32Array[];
  /** Any finite number; always decided before the request reaches the engine. */
  readonly seed: number;
  /**
   * `null`: no log probabilities. Otherwise the chosen token's, and those of so many most likely tokens;
   * in [0, TOP_LOGPROBS_MAX]. They are of the model's own distribution: before bias, penalties and temperature.
   */
  readonly logprobCount: number | null;
  /** The same for every token of the prompt but the first: how likely it was after those before it. */
  readonly promptLogprobCount: number | null;
};

/** Below this the draw is greedy, as in vLLM: 1 / temperature leaves the range in which float32 can say anything. */
export const TEMPERATURE_MIN = 1e-5;

/** Greedy, nothing switched on; a base for tests and for parts of a request. */
export const GREEDY: SamplingParams = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  allowedTokenIds: null,
  bannedSequences: [],
  seed: 0,
  logprobCount: null,
  promptLogprobCount: null,
};

/** Natural logarithms of probabilities for one generated token. */
export type TokenLogprobs = {
  readonly logprob: number;
  /** The most likely tokens, best first. */
  readonly top: readonly { readonly tokenId: number; readonly logprob: number }[];
};

/** One chosen token. `logprobs` is there exactly when the request's `logprobCount` is not null. */
export type SampledToken = {
  readonly tokenId: number;
  readonly logprobs: TokenLogprobs | null;
  /** The grammar of the output is complete with this token, and nothing may follow. */
  readonly completesGrammar?: true;
};
