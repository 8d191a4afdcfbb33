/**
 * Grammars are compiled in a thread of their own: the smallest keep theirs busy for a millisecond, the largest for
 * hundreds, and on the main thread every stream would wait for them. Sources go there as JSON, which is copied
 * faster than what it says.
 */

import { ServerError } from '../base/errors.ts';
import { GRAMMAR_COMPILE_MS_MAX, GRAMMAR_UNWANTED_MS } from '../base/grammar-limits.ts';
import type { GrammarProgram } from '../sampling/grammar/grammar-program.ts';
import { CallThread } from './call-thread.ts';

export type GrammarThreadData = {
  /** By the texts of added tokens. */
  readonly addedTokenIds: ReadonlyMap<string, number>;
};

export type GrammarThreadOptions = GrammarThreadData & {
  /** The compiled worker; the one beside this file by default. */
  readonly workerUrl?: URL;
  /** `GRAMMAR_COMPILE_MS_MAX` by default. */
  readonly compileMsMax?: number;
};

export class GrammarThread {
  readonly #thread: CallThread<string, GrammarProgram>;

  constructor({ workerUrl, addedTokenIds, compileMsMax: ms = GRAMMAR_COMPILE_MS_MAX }: GrammarThreadOptions) {
    this.#thread = new CallThread({
      name: 'grammar thread',
      workerUrl: workerUrl ?? new URL('./grammar-worker.js', import.meta.url),
      workerData: { addedTokenIds } satisfies GrammarThreadData,
      timeLimit: { ms, refusal: () => tookTooLong(ms), unwantedMs: GRAMMAR_UNWANTED_MS },
    });
  }

  /**
   * As `compileGrammar`. The shortest source that waits is next, so that a usual one waits for one large one at most; a
   * source that is no longer wanted when its turn comes is passed over.
   * @param source a `GrammarSource` as JSON.
   * @throws (rejects with) ServerError of `compileGrammar`, and `invalid_request` for one that takes too long; any other error when the thread fails.
   */
  compile(source: string, isWanted: () => boolean): Promise<GrammarProgram> {
    return this.#thread.call(source, { isWanted, size: source.length });
  }
}

function tookTooLong(ms: number): ServerError {
  const message = `The grammar was not compiled within ${ms / 1000} s. Please ask for less in one schema or pattern.`;
  return new ServerError('invalid_request', message);
}
