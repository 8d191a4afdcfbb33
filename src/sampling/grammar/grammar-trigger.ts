/**
 * A grammar that holds a part of the output: it sleeps until a token announces that part, and again behind it. The
 * sampler that holds the output to it and whoever reads the output see the same tokens, so both know where it holds.
 */

export type GrammarTrigger = {
  /** The grammar begins behind this token. */
  readonly tokenId: number;
  /** Between these tokens the trigger is said and not meant; null where nothing is told apart by them. */
  readonly thoughts: {
    readonly openingId: number;
    readonly closingId: number;
    /** The output begins behind an opening. */
    readonly isOpen: boolean;
  } | null;
};

/** Watches the tokens of one output for its trigger. */
export class TriggerWatch {
  readonly #trigger: GrammarTrigger;
  #isThinking: boolean;
  /** Thoughts come first: behind their end, or a call, the marks are only talked about. */
  #mayThink: boolean;

  constructor(trigger: GrammarTrigger) {
    this.#trigger = trigger;
    this.#isThinking = trigger.thoughts?.isOpen ?? false;
    this.#mayThink = trigger.thoughts !== null;
  }

  /** How it stands between tokens, to come back to. */
  get state(): number {
    return (this.#isThinking ? 1 : 0) | (this.#mayThink ? 2 : 0);
  }

  set state(state: number) {
    this.#isThinking = (state & 1) !== 0;
    this.#mayThink = (state & 2) !== 0;
  }

  /** The token has become part of the output. @returns whether the grammar begins behind it. */
  accept(tokenId: number): boolean {
    const { tokenId: triggerId, thoughts } = this.#trigger;
    if (tokenId === triggerId) {
      if (!this.#isThinking) this.#mayThink = false;
      return !this.#isThinking;
    }
    if (tokenId === thoughts?.openingId) this.#isThinking = this.#mayThink;
    if (tokenId === thoughts?.closingId) this.#isThinking = this.#mayThink = false;
    return false;
  }
}
