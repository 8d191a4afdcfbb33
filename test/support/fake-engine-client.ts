/**
 * An `EngineClient` that plays scripts: for each submitted sequence, in order, a list of events, given one by one as
 * the test lets them. Keeps what was submitted and what was cancelled.
 */

import type { ServerError } from '../../src/base/errors.ts';
import type { OnReadable } from '../../src/base/feed.ts';
import type {
  Admission,
  EngineClient,
  EngineHealth,
  GenerationInput,
  PredictedCounts,
  TokenEvent,
  TokenFeed,
} from '../../src/engine/engine-client.ts';
import type { EngineLimits } from '../../src/engine/protocol.ts';
import type { PromptScores } from '../../src/sampling/prompt-scores.ts';
import type { TokenLogprobs } from '../../src/sampling/sampling-params.ts';

/** An event, an error that the feed throws, or `hang`: nothing more comes. */
export type ScriptedEvent = TokenEvent | Error | 'hang';

/** A script, or one written when the sequence is submitted. */
export type Script =
  | readonly ScriptedEvent[]
  | ((input: GenerationInput, sequenceIndex: number) => readonly ScriptedEvent[]);

export type FakeSequence = {
  readonly input: GenerationInput;
  /** Events that the reader has taken. */
  takenCount: number;
  /** Ended by its reader before its script was, or by a failure. */
  cancelled: boolean;
};

export const FAKE_LIMITS: EngineLimits = {
  blockCount: 65,
  blockSize: 16,
  modelLengthMax: 128,
  vocabularySize: 2000,
  sequencesPerStepMax: 8,
  tokensPerStepMax: 64,
  cacheBytes: 1_048_576,
};

export class FakeEngineClient implements EngineClient {
  readonly limits: EngineLimits;
  readonly ready: Promise<EngineLimits>;
  readonly died = new Promise<ServerError>(() => {});
  readonly sequences: FakeSequence[] = [];
  readonly #script: Script;
  readonly #endListeners = new Set<(error: ServerError) => void>();

  constructor(script: Script, limits: Partial<EngineLimits> = {}) {
    this.#script = script;
    this.limits = { ...FAKE_LIMITS, ...limits };
    this.ready = Promise.resolve(this.limits);
  }

  get health(): EngineHealth {
    return { state: 'ready', inFlightCount: 0, withoutProgressMs: 0 };
  }

  admit(): Admission {
    return { leave: () => {} };
  }

  generate(input: GenerationInput, onReadable: OnReadable): TokenFeed {
    const sequence: FakeSequence = { input, takenCount: 0, cancelled: false };
    const script =
      typeof this.#script === 'function' ? this.#script(input, this.sequences.length) : this.#script;
    this.sequences.push(sequence);
    queueMicrotask(onReadable);
    return playScript(script, sequence);
  }

  get endListenerCount(): number {
    return this.#endListeners.size;
  }

  onEnd(listener: (error: ServerError) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  /** As the engine's end is told to requests that have no sequence yet. */
  end(error: ServerError): void {
    for (const listener of [...this.#endListeners]) listener(error);
  }

  onStep(): void {}

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

function playScript(script: readonly ScriptedEvent[], sequence: FakeSequence): TokenFeed {
  const cancel = (): void => {
    if (sequence.takenCount < script.length) sequence.cancelled = true;
  };
  return {
    take() {
      const event = script[sequence.takenCount];
      if (event === undefined || event === 'hang' || sequence.cancelled) return null;
      if (event instanceof Error) {
        cancel();
        throw event;
      }
      sequence.takenCount++;
      return event;
    },
    cancel,
    finish: cancel,
  };
}

/** One event with these tokens. */
export function tokens(
  tokenIds: readonly number[],
  extra: {
    readonly cachedTokenCount?: number;
    readonly promptScores?: readonly PromptScores[];
    readonly predicted?: PredictedCounts;
    readonly logprobs?: (tokenId: number) => TokenLogprobs;
  } = {},
): TokenEvent {
  return {
    kind: 'tokens-delta',
    tokens: tokenIds.map((tokenId) => ({ tokenId, logprobs: extra.logprobs?.(tokenId) ?? null })),
    cachedTokenCount: extra.cachedTokenCount ?? 0,
    promptScores: extra.promptScores ?? null,
    predicted: extra.predicted ?? { acceptedCount: 0, rejectedCount: 0 },
  };
}

export function finish(reason: 'stop' | 'length' | 'abort'): TokenEvent {
  return { kind: 'finish', reason };
}
