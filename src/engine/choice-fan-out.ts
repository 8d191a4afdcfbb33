/**
 * The sequences of one request: started, taken from, cancelled. The first choice of every prompt starts at once, its
 * siblings at its first event, when the prompt's blocks are in the prefix cache, so that a prompt is computed once.
 * Knows tokens only.
 */

import type { Feed, OnReadable } from '../base/feed.ts';
import type { EngineClient, GenerationInput, TokenEvent, TokenFeed } from './engine-client.ts';

export type ChoiceFanOutOptions = {
  readonly client: Pick<EngineClient, 'generate'>;
  readonly promptCount: number;
  /** Choices of each prompt. */
  readonly choiceCount: number;
  readonly inputOf: (promptIndex: number, choiceIndex: number) => GenerationInput;
  readonly onReadable: OnReadable;
};

/** An event of a sequence, by its index in the whole request. */
export type SequenceEvent = { readonly sequenceIndex: number; readonly event: TokenEvent };

export class ChoiceFanOut implements Feed<SequenceEvent> {
  readonly #options: ChoiceFanOutOptions;
  /** By sequence index; null once it has ended. */
  readonly #feeds: (TokenFeed | null)[] = [];
  /** Sequences to be looked at, in the order in which they had something; each at most once. */
  readonly #ready: number[] = [];
  /** [sequences] whether it is in that list. */
  readonly #isReady: Uint8Array;
  /** [promptCount] whether the prompt's further choices run. */
  readonly #isFannedOut: Uint8Array;
  #openCount = 0;

  /** Starts the first choice of every prompt. @throws ServerError of `EngineClient.generate`; then nothing runs. */
  constructor(options: ChoiceFanOutOptions) {
    this.#options = options;
    const { promptCount, choiceCount } = options;
    this.#isReady = new Uint8Array(promptCount * choiceCount);
    this.#isFannedOut = new Uint8Array(promptCount);
    // Siblings that have not been started yet are not over either.
    this.#openCount = promptCount * choiceCount;
    try {
      for (let promptIndex = 0; promptIndex < promptCount; promptIndex++) this.#start(promptIndex, 0);
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  /** Sequences that have neither ended nor been ended. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * The next event of any sequence, one of each in turn.
   * @throws ServerError of a sequence that failed; the others go on.
   */
  take(): SequenceEvent | null {
    for (let index = this.#ready.shift(); index !== undefined; index = this.#ready.shift()) {
      this.#isReady[index] = 0;
      const event = this.#feeds[index]?.take() ?? null;
      if (event === null) continue;
      if (event.kind === 'finish') this.#close(index);
      else this.#mark(index);
      this.#fanOut(Math.floor(index / this.#options.choiceCount));
      return { sequenceIndex: index, event };
    }
    return null;
  }

  /** Ends one sequence, of which enough has come: so many tokens. */
  end(sequenceIndex: number, takenCount: number): void {
    this.#feeds[sequenceIndex]?.finish(takenCount);
    this.#close(sequenceIndex);
  }

  /** Leaves all sequences. */
  cancel(): void {
    for (let index = 0; index < this.#feeds.length; index++) {
      this.#feeds[index]?.cancel();
      this.#close(index);
    }
    this.#ready.length = 0;
  }

  #mark(index: number): void {
    if (this.#isReady[index] === 1) return;
    this.#isReady[index] = 1;
    this.#ready.push(index);
  }

  #close(index: number): void {
    if (this.#feeds[index] == null) return;
    this.#feeds[index] = null;
    this.#openCount--;
  }

  #fanOut(promptIndex: number): void {
    if (this.#isFannedOut[promptIndex] === 1) return;
    this.#isFannedOut[promptIndex] = 1;
    for (let choice = 1; choice < this.#options.choiceCount; choice++) this.#start(promptIndex, choice);
  }

  #start(promptIndex: number, choiceIndex: number): void {
    const { client, choiceCount, inputOf, onReadable } = this.#options;
    const index = promptIndex * choiceCount + choiceIndex;
    this.#feeds[index] = client.generate(inputOf(promptIndex, choiceIndex), (isUrgent) => {
      this.#mark(index);
      onReadable(isUrgent);
    });
  }
}
