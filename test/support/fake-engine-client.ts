/**
 * An `EngineClient` that plays scripts: for each submitted sequence, in order, a list of events, given one by one as
 * the test lets them. Keeps what was submitted and what was cancelled.
 */

import type { ServerError } from '../../src/base/errors.ts';
import type {
  Admission,
  EngineClient,
  EngineHealth,
  GenerationInput,
  TokenEvent,
} from '../../src/engine/engine-client.ts';
import type { EngineLimits } from '../../src/engine/protocol.ts';
import type { PromptScores } from '../../src/sampling/prompt-scores.ts';
import type { TokenLogprobs } from '../../src/sampling/sampling-params.ts';

/** An event, an error that the iteration throws, or `hang`: nothing more comes until the sequence is cancelled. */
export type ScriptedEvent = TokenEvent | Error | 'hang';

/** A script, or one written when the sequence is submitted. */
export type Script =
  | readonly ScriptedEvent[]
  | ((input: GenerationInput, sequenceIndex: number) => readonly ScriptedEvent[]);

export type FakeSequence = {
  readonly input: GenerationInput;
  readonly signal: AbortSignal | undefined;
  /** Events that the reader has taken. */
  takenCount: number;
  /** Ended before its script was, by the reader or by a signal. */
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

  generate(input: GenerationInput, signal?: AbortSignal): AsyncIterable<TokenEvent> {
    const sequence: FakeSequence = { input, signal, takenCount: 0, cancelled: false };
    const script =
      typeof this.#script === 'function' ? this.#script(input, this.sequences.length) : this.#script;
    this.sequences.push(sequence);
    return playScript(script, sequence, signal);
  }

  onStep(): void {}

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function* playScript(
  script: readonly ScriptedEvent[],
  sequence: FakeSequence,
  signal: AbortSignal | undefined,
): AsyncGenerator<TokenEvent, void, void> {
  const onAbort = (): void => {
    sequence.cancelled = true;
  };
  signal?.addEventListener('abort', onAbort);
  let played = false;
  try {
    for (const event of script) {
      if (event === 'hang') await aborted(signal);
      if (signal?.aborted === true) return;
      if (event === 'hang') continue;
      if (event instanceof Error) throw event;
      sequence.takenCount++;
      played = event.kind === 'finish';
      yield event;
    }
    played = true;
  } finally {
    if (!played) sequence.cancelled = true;
    signal?.removeEventListener('abort', onAbort);
  }
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    else signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** One event with these tokens. */
export function tokens(
  tokenIds: readonly number[],
  extra: {
    readonly cachedTokenCount?: number;
    readonly promptScores?: readonly PromptScores[];
    readonly logprobs?: (tokenId: number) => TokenLogprobs;
  } = {},
): TokenEvent {
  return {
    kind: 'tokens-delta',
    tokens: tokenIds.map((tokenId) => ({ tokenId, logprobs: extra.logprobs?.(tokenId) ?? null })),
    cachedTokenCount: extra.cachedTokenCount ?? 0,
    promptScores: extra.promptScores ?? null,
  };
}

export function finish(reason: 'stop' | 'length' | 'abort'): TokenEvent {
  return { kind: 'finish', reason };
}
