/**
 * One choice's tokens -> its text or message, its log probabilities, and where it ends. Synchronous and without any
 * stream, so that it can be tested token by token.
 *
 * A log probability is shown with the text that its token belongs to: while text is held back (for a stop string, or
 * because it may become a call), so are the entries of its tokens, and the entries of tokens that lie in the stop
 * string are never shown. The same goes for a stop token: it counts as a completion token, but has neither text nor an
 * entry, as with OpenAI. Tokens of thoughts and calls have entries like those of the text.
 *
 * Stop strings are looked for in what the model says, not in what it thinks or calls. White space that the parser
 * keeps, since thoughts or a call may follow it, counts as said when it comes: perhaps nothing else ever does.
 */

import { type GrammarTrigger, TriggerWatch } from '../sampling/grammar/grammar-trigger.ts';
import type { TokenLogprobs } from '../sampling/sampling-params.ts';
import { characterCount } from '../text/character-count.ts';
import { IncrementalDetokenizer } from '../text/incremental-detokenizer.ts';
import { MessageParser, type MessageParserOptions } from '../text/message/message-parser.ts';
import { addPart, type MessagePart } from '../text/message/message-part.ts';
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
  readonly wantsMeanLogprob: boolean;
  /** Also of stop tokens, which have no text. */
  readonly wantsStopLogprobs: boolean;
  readonly wantsTokenIds: boolean;
  /** `null`: everything is text. */
  readonly message: ChoiceMessageOptions | null;
};

export type ChoiceMessageOptions = {
  readonly parser: MessageParserOptions;
  /** That of the grammar which holds what is called; null where calls are not announced by a token, or not held. */
  readonly trigger: GrammarTrigger | null;
  /** Special tokens whose texts the parser looks for. */
  readonly shownTokenIds: ReadonlySet<number>;
  readonly hidesReasoning: boolean;
};

export type ChoiceDelta = {
  /** In their order; only content where everything is text. */
  readonly parts: readonly MessagePart[];
  /** `null` when not asked for. */
  readonly logprobs: readonly TokenTextLogprobs[] | null;
  /** Of the tokens taken in; `null` when not asked for. */
  readonly tokenIds: readonly number[] | null;
  /** The choice ends here, by a stop string or by the last call that is wanted; nothing more may be pushed. */
  readonly stopped: boolean;
};

/** An entry, and how much text of the choice stood before its token. */
type HeldLogprobs = { readonly textStart: number; isSaid: boolean; readonly entry: TokenEntry };
type TokenEntry = Omit<TokenTextLogprobs, 'isSaid'>;

export class ChoiceText {
  readonly #options: ChoiceTextOptions;
  readonly #detokenizer: IncrementalDetokenizer;
  readonly #matcher: StopMatcher;
  readonly #parser: MessageParser | null;
  readonly #watch: TriggerWatch | null;
  readonly #held: HeldLogprobs[] = [];
  #tokenCount = 0;
  #logprobSum = 0;
  #reasoningTokenCount = 0;
  /** UTF-16 units that the detokeniser has given, and those of them that have been dealt with. */
  #textLength = 0;
  #shownLength = 0;
  /** Code points that the detokeniser has given; counted only where log probabilities tell of them. */
  #characterCount = 0;
  /** UTF-16 units of what the parser keeps that came with the first tokens, in which no stop string is looked for. */
  #unsearched = 0;
  /** Of the white space that the parser keeps, what has been looked at. */
  #seenBlanks = 0;

  constructor(options: ChoiceTextOptions) {
    const { vocabulary, stripLeadingSpaces, message } = options;
    this.#options = options;
    this.#detokenizer = new IncrementalDetokenizer(vocabulary, {
      stripLeadingSpaces,
      shownTokenIds: message?.shownTokenIds ?? NONE,
    });
    this.#matcher = new StopMatcher(options.stop);
    this.#parser = message && new MessageParser(message.parser);
    const trigger = message?.trigger ?? null;
    this.#watch = trigger && new TriggerWatch(trigger);
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
    return this.#options.wantsMeanLogprob ? this.#logprobSum / Math.max(1, this.#tokenCount) : null;
  }

  /** Tokens from the mark that opens the thoughts to the one that closes them. */
  get reasoningTokenCount(): number {
    return this.#reasoningTokenCount;
  }

  /** Whether the message holds a whole call. */
  get hasCalled(): boolean {
    return (this.#parser?.callCount ?? 0) > 0;
  }

  push(tokens: readonly GeneratedToken[]): ChoiceDelta {
    const parts: MessagePart[] = [];
    const before = this.#tokenCount;
    for (const token of tokens) {
      this.#tokenCount++;
      this.#logprobSum += token.logprobs?.logprob ?? 0;
      if (this.#options.stopTokenIds.has(token.tokenId)) {
        if (this.#options.wantsStopLogprobs) this.#hold(token);
        continue;
      }
      this.#hold(token);
      const isReasoning = this.#parser?.isReasoning ?? false;
      const isAnnouncement = this.#watch?.accept(token.tokenId) ?? false;
      const stopped = this.#take(this.#detokenizer.push(token.tokenId), parts, isAnnouncement);
      if (isReasoning || this.#parser?.isReasoning === true) this.#reasoningTokenCount++;
      if (stopped) {
        const taken = tokens.slice(0, this.#tokenCount - before);
        return this.#delta(parts, taken, { stopped, isLast: true });
      }
    }
    return this.#delta(parts, tokens, { stopped: false, isLast: false });
  }

  /** The sequence has ended: everything that was held back, unless the very end completes a stop string. */
  flush(): ChoiceDelta {
    const parts: MessagePart[] = [];
    let stopped = this.#take(this.#detokenizer.flush(), parts);
    if (!stopped && this.#parser !== null) {
      const from = this.#textLength - this.#heldLength - contentLength(parts);
      const start = this.#textLength - this.#parser.heldLength;
      stopped = this.#tell(this.#marked(this.#parser.flush(), start), parts);
      this.#settle(stopped, from, parts);
    }
    if (!stopped) addContent(parts, this.#matcher.flush());
    return this.#delta(parts, [], { stopped, isLast: true });
  }

  /**
   * @param isAnnouncement the text ends with the trigger, and a grammar holds what follows.
   * @returns whether the choice ends with `text`.
   */
  #take(text: string, parts: MessagePart[], isAnnouncement = false): boolean {
    if (text === '') return false;
    const from = this.#textLength - this.#heldLength - contentLength(parts);
    if (this.#options.wantsLogprobs) this.#characterCount += characterCount(text);
    const parser = this.#parser;
    const start = this.#textLength - (parser?.heldLength ?? 0);
    this.#textLength += text.length;
    const stopped =
      parser === null
        ? this.#say(text, parts)
        : this.#tell(this.#marked(parser.push(text, isAnnouncement), start), parts) ||
          this.#stopsInBlanks(parser, parts);
    if (!this.#isSearched) this.#unsearched = parser?.heldLength ?? 0;
    this.#settle(stopped, from, parts);
    return stopped || (this.#parser?.isComplete ?? false);
  }

  /** Marks the tokens that begin in what is not told as content. @param start where the parser's text began */
  #marked(told: readonly MessagePart[], start: number): readonly MessagePart[] {
    if (this.#held.length === 0) return told;
    const isOther = ({ kind }: MessagePart): boolean => kind !== 'content';
    const [first, last] = [told.findIndex(isOther), told.findLastIndex(isOther)];
    const unsaidStart = start + contentLength(told.slice(0, Math.max(first, 0)));
    const keptLength = this.#parser?.heldLength ?? 0;
    const unsaidEnd = this.#textLength - keptLength - contentLength(told.slice(last + 1));
    for (const held of this.#held) {
      if (held.textStart >= unsaidStart && held.textStart < unsaidEnd) held.isSaid = false;
    }
    return told;
  }

  /** What is left of a text that ends with a stop string is what was said; `from` is where `parts` begin. */
  #settle(stopped: boolean, from: number, parts: readonly MessagePart[]): void {
    this.#shownLength = stopped ? from + contentLength(parts) : this.#textLength - this.#heldLength;
  }

  get #heldLength(): number {
    return this.#matcher.heldLength + (this.#parser?.heldLength ?? 0);
  }

  /** @returns whether a stop string is complete. */
  #tell(told: readonly MessagePart[], parts: MessagePart[]): boolean {
    if (told.length > 0) this.#seenBlanks = 0;
    for (const part of told) {
      if (part.kind === 'content') {
        if (this.#say(part.text, parts)) return true;
        continue;
      }
      // No stop string goes on behind thoughts or a call.
      this.#unsearched = 0;
      addContent(parts, this.#matcher.flush());
      if (part.kind !== 'reasoning' || !this.#options.message!.hidesReasoning) addPart(parts, part);
    }
    return false;
  }

  /** @returns whether a stop string is complete in the white space that the parser keeps. */
  #stopsInBlanks({ heldBlanks: blanks }: MessageParser, parts: MessagePart[]): boolean {
    if (this.#options.stop.length === 0) return false;
    const seen = this.#seenBlanks;
    this.#seenBlanks = blanks.length;
    if (!this.#isSearched || blanks.length <= seen) return false;
    const first = Math.min(this.#unsearched, blanks.length);
    const searched = blanks.slice(first);
    if (!this.#matcher.wouldMatch(searched, Math.max(seen - first, 0))) return false;
    addContent(parts, blanks.slice(0, first) + this.#matcher.push(searched).text);
    return true;
  }

  get #isSearched(): boolean {
    return this.#tokenCount > this.#options.newTokensMin;
  }

  #say(text: string, parts: MessagePart[]): boolean {
    const first = this.#isSearched ? Math.min(this.#unsearched, text.length) : text.length;
    if (first > 0) addContent(parts, text.slice(0, first));
    this.#unsearched -= Math.min(first, this.#unsearched);
    const result = this.#matcher.push(text.slice(first));
    addContent(parts, result.text);
    return result.matched;
  }

  #hold(token: GeneratedToken): void {
    if (!this.#options.wantsLogprobs || token.logprobs === null) return;
    this.#held.push({
      textStart: this.#textLength,
      isSaid: true,
      entry: {
        ...describe(token.tokenId, token.logprobs, this.#options.vocabulary),
        textStart: this.#characterCount,
      },
    });
  }

  /** Entries are shown when any of their token's text is; with the last delta of a whole text, all are. */
  #delta(
    parts: readonly MessagePart[],
    tokens: readonly GeneratedToken[],
    end: { readonly stopped: boolean; readonly isLast: boolean },
  ): ChoiceDelta {
    const { stopped } = end;
    const tokenIds = this.#options.wantsTokenIds ? tokens.map(({ tokenId }) => tokenId) : null;
    if (!this.#options.wantsLogprobs) return { parts, logprobs: null, tokenIds, stopped };
    const everything = end.isLast && !stopped;
    const firstHeld = everything ? -1 : this.#held.findIndex((held) => held.textStart >= this.#shownLength);
    const shown = this.#held.splice(0, firstHeld === -1 ? this.#held.length : firstHeld);
    return { parts, logprobs: shown.map(({ entry, isSaid }) => ({ ...entry, isSaid })), tokenIds, stopped };
  }
}

const NONE: ReadonlySet<number> = new Set();

function addContent(parts: MessagePart[], text: string): void {
  if (text !== '') addPart(parts, { kind: 'content', text });
}

function contentLength(parts: readonly MessagePart[]): number {
  let length = 0;
  for (const part of parts) if (part.kind === 'content') length += part.text.length;
  return length;
}

function describe(
  tokenId: number,
  logprobs: TokenLogprobs,
  vocabulary: Vocabulary,
): Omit<TokenEntry, 'textStart'> {
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
