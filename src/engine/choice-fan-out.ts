/**
 * The sequences of one request: started, merged, cancelled. The first choice of every prompt starts at once, its
 * siblings at its first event, when the prompt's blocks are in the prefix cache, so that a prompt is computed once.
 * Knows tokens only.
 */

import type { EngineClient, GenerationInput, TokenEvent } from './engine-client.ts';
import { type MergedValue, StreamMerge } from './stream-merge.ts';

export type ChoiceFanOutOptions = {
  readonly client: Pick<EngineClient, 'generate'>;
  readonly promptCount: number;
  /** Choices of each prompt. */
  readonly choiceCount: number;
  readonly inputOf: (promptIndex: number, choiceIndex: number) => GenerationInput;
};

export class ChoiceFanOut {
  readonly #options: ChoiceFanOutOptions;
  readonly #merge = new StreamMerge<TokenEvent>();
  /** One controller a sequence: Node warns of a leak when many listeners share a signal. */
  readonly #cancels: AbortController[] = [];
  /** [promptCount] whether the prompt's further choices run. */
  readonly #isFannedOut: Uint8Array;
  #isStopped = false;

  /** Starts the first choice of every prompt. */
  constructor(options: ChoiceFanOutOptions) {
    this.#options = options;
    this.#isFannedOut = new Uint8Array(options.promptCount);
    for (let promptIndex = 0; promptIndex < options.promptCount; promptIndex++) this.#start(promptIndex, 0);
  }

  get openCount(): number {
    return this.#merge.openCount;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /**
   * The next event of any sequence, by its index in the whole request; `null` once stopped.
   * @throws ServerError of a sequence that failed.
   */
  async next(): Promise<MergedValue<TokenEvent> | null> {
    const merged = await this.#merge.next();
    if (merged === null) return null;
    const promptIndex = Math.floor(merged.sourceIndex / this.#options.choiceCount);
    if (this.#isFannedOut[promptIndex] === 0) {
      this.#isFannedOut[promptIndex] = 1;
      for (let choice = 1; choice < this.#options.choiceCount; choice++) this.#start(promptIndex, choice);
    }
    return merged;
  }

  /** Asks a sequence for more, once what it gave last has been dealt with. */
  resume(sequenceIndex: number): void {
    this.#merge.resume(sequenceIndex);
  }

  /** Ends one sequence early. */
  end(sequenceIndex: number): void {
    this.#merge.remove(sequenceIndex);
  }

  /** Cancels all sequences. Harmless when called again. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#cancels) cancel.abort();
    this.#merge.close();
  }

  #start(promptIndex: number, choiceIndex: number): void {
    const { client, choiceCount, inputOf } = this.#options;
    const cancel = new AbortController();
    this.#cancels.push(cancel);
    const events = client.generate(inputOf(promptIndex, choiceIndex), cancel.signal);
    this.#merge.add(promptIndex * choiceCount + choiceIndex, events);
  }
}
