/**
 * How one sequence chooses its tokens: validated and complete. Defaults, ranges and OpenAI's names are the
 * business of `routes` and `text-generation`; here every field has a value.
 */

export type SamplingParams = {
  /** Divides the logits before the draw; 0 is greedy. In [0, 2]. */
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
  /** Any finite number; always decided before the request reaches the engine. */
  readonly seed: number;
  /**
   * `null`: no log probabilities. Otherwise the chosen token's, and those of so many most likely tokens;
   * in [0, TOP_LOGPROBS_MAX]. They are of the model's own distribution: before bias, penalties and temperature.
   */
  readonly logprobCount: number | null;
};

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
  seed: 0,
  logprobCount: null,
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
};
