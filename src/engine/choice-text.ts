/**
 * One choice's tokens -> its text, its log probabilities, and where it ends. Synchronous and without any stream,
 * so that it can be tested token by token.
 *
 * A log probability is shown with the text that its token belongs to: while text is held back for a stop string,
 * so are the entries of its tokens, and the entries of tokens that lie in the stop string are never shown. The
 * same goes for a stop token: it counts as a completion token, but has neither text nor an entry, as with OpenAI.
 */

import type { TokenLogprobs } from '../sampling/sampling-params.ts';
import { IncrementalDetokenizer } from '../text/incremental-detokenizer.ts';
import { StopMatcher } from '../text/stop-matcher.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { GeneratedToken } from './engine-client.ts';
import type { TokenText, TokenTextLogprobs } from './text-generation.ts';

export type ChoiceTextOptions = {
  readonly vocabulary: Vocabulary;
  readonly stop: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  /** Text of so many first tokens is not searched for stop strings. */
  readonly newTokensMin: number;
  readonly stripLeadingSpaces: boolean;
  /** Only the prompt was asked for: whatever tokens come are not of the choice. */
  readonly isEmpty: boolean;
  readonly wantsLogprobs: boolean;
  /** Also of stop tokens, which have no text. */
  readonly wantsStopLogprobs: boolean;
  readonly wantsTokenIds: boolean;
};

export type ChoiceDelta = {
  readonly text: string;
  /** `null` when not asked for. */
  readonly logprobs: readonly TokenTextLogprobs[] | null;
  /** Of the tokens taken in; `null` when not asked for. */
  readonly tokenIds: readonly number[] | null;
  /** A stop string is complete; nothing more may be pushed. */
  readonly stopped: boolean;
};

/** An entry, and how much text of the choice stood before its token. */
type HeldLogprobs = { readonly textStart: number; readonly entry: TokenTextLogprobs };

export class ChoiceText {
  readonly #options: ChoiceTextOptions;
  readonly #detokenizer: IncrementalDetokenizer;
  readonly #matcher: StopMatcher;
  readonly #held: HeldLogprobs[] = [];
  #tokenCount = 0;
  #logprobSum = 0;
  /** UTF-16 units that the detokeniser has given, and those of them that were shown. */
  #textLength = 0;
  #shownLength = 0;
  /** Code points that the detokeniser has given; counted only where log probabilities tell of them. */
  #characterCount = 0;

  constructor(options: ChoiceTextOptions) {
    this.#options = options;
    this.#detokenizer = new IncrementalDetokenizer(options.vocabulary, options);
    this.#matcher = new StopMatcher(options.stop);
  }

  /** Tokens taken in, stop tokens among them; those after a complete stop string are not. */
  get tokenCount(): number {
    return this.#tokenCount;
  }

  get isEmpty(): boolean {
    return this.#options.isEmpty;
  }

  /** Mean log probability of the tokens taken in, `null` when not asked for. */
  get meanLogprob(): number | null {
    return this.#options.wantsLogprobs ? this.#logprobSum / Math.max(1, this.#tokenCount) : null;
  }

  push(tokens: readonly GeneratedToken[]): ChoiceDelta {
    let text = '';
    const before = this.#tokenCount;
    for (const token of tokens) {
      this.#tokenCount++;
      this.#logprobSum += token.logprobs?.logprob ?? 0;
      if (this.#options.stopTokenIds.has(token.tokenId)) {
        if (this.#options.wantsStopLogprobs) this.#hold(token);
        continue;
      }
      this.#hold(token);
      const result = this.#match(this.#detokenizer.push(token.tokenId));
      text += result.text;
      if (result.matched) {
        const taken = tokens.slice(0, this.#tokenCount - before);
        return this.#delta(text, taken, { stopped: true, isLast: true });
      }
    }
    return this.#delta(text, tokens, { stopped: false, isLast: false });
  }

  /** The sequence has ended: everything that was held back, unless the very end completes a stop string. */
  flush(): ChoiceDelta {
    const result = this.#match(this.#detokenizer.flush());
    const rest = result.matched ? '' : this.#matcher.flush();
    return this.#delta(result.text + rest, [], { stopped: result.matched, isLast: true });
  }

  #match(delta: string): { text: string; matched: boolean } {
    this.#textLength += delta.length;
    if (this.#options.wantsLogprobs) for (const _ of delta) this.#characterCount++;
    if (this.#tokenCount <= this.#options.newTokensMin) return { text: delta, matched: false };
    return this.#matcher.push(delta);
  }

  #hold(token: GeneratedToken): void {
    if (!this.#options.wantsLogprobs || token.logprobs === null) return;
    this.#held.push({
      textStart: this.#textLength,
      entry: {
        ...describe(token.tokenId, token.logprobs, this.#options.vocabulary),
        textStart: this.#characterCount,
      },
    });
  }

  /** Entries are shown when any of their token's text is; with the last delta of a whole text, all are. */
  #delta(
    text: string,
    tokens: readonly GeneratedToken[],
    end: { readonly stopped: boolean; readonly isLast: boolean },
  ): ChoiceDelta {
    const { stopped } = end;
    const tokenIds = this.#options.wantsTokenIds ? tokens.map(({ tokenId }) => tokenId) : null;
    this.#shownLength += text.length;
    if (!this.#options.wantsLogprobs) return { text, logprobs: null, tokenIds, stopped };
    const everything = end.isLast && !stopped;
    const firstHeld = everything ? -1 : this.#held.findIndex((held) => held.textStart >= this.#shownLength);
    const shown = this.#held.splice(0, firstHeld === -1 ? this.#held.length : firstHeld);
    return { text, logprobs: shown.map((held) => held.entry), tokenIds, stopped };
  }
}

function describe(
  tokenId: number,
  logprobs: TokenLogprobs,
  vocabulary: Vocabulary,
): Omit<TokenTextLogprobs, 'textStart'> {
  return {
    ...tokenText(tokenId, logprobs.logprob, vocabulary),
    top: logprobs.top.map((each) => tokenText(each.tokenId, each.logprob, vocabulary)),
  };
}

/** `bytes` are exact also where the token is part of a character. */
export function tokenText(tokenId: number, logprob: number, vocabulary: Vocabulary): TokenText {
  return {
    tokenId,
    text: vocabulary.textOf(tokenId),
    bytes: Array.from(vocabulary.bytesOf(tokenId)),
    logprob,
  };
}
