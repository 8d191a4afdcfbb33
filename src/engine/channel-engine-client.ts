/**
 * An `EngineClient` over a channel: commands go out through a function, events come in through a method. Owns the
 * open streams, the numbering of sequences and the bounded queue; knows neither threads nor how the engine works.
 */

import { assertNever } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { ServerError, StartupError } from '../base/errors.ts';
import type { OnReadable } from '../base/feed.ts';
import { RETRY_AFTER_SECONDS } from '../base/limits.ts';
import type { SequenceToken } from '../batching/generation-request.ts';
import type {
  Admission,
  EngineClient,
  EngineHealth,
  EngineState,
  GenerationInput,
  TokenFeed,
} from './engine-client.ts';
import type {
  EngineCommand,
  EngineEvent,
  EngineFault,
  EngineLimits,
  LoadingProgress,
  PlacementReport,
  StepReport,
} from './protocol.ts';
import { TokenStream } from './token-stream.ts';

export type ChannelEngineClientOptions = {
  readonly send: (command: EngineCommand) => void;
  /** Ends the other side; resolves with whether it is gone. */
  readonly close: () => Promise<boolean>;
  /** Sequences in flight, running and waiting, before `admit` refuses. */
  readonly inFlightMax: number;
  readonly clock: Clock;
  /** Told now and then while weights are prepared, before the engine is ready. */
  readonly onLoading?: (progress: LoadingProgress) => void;
};

export class ChannelEngineClient implements EngineClient {
  readonly ready: Promise<EngineLimits>;
  readonly died: Promise<ServerError>;
  readonly #options: ChannelEngineClientOptions;
  readonly #streams = new Map<number, TokenStream>();
  readonly #stepListeners: ((report: StepReport) => void)[] = [];
  #state: EngineState = 'loading';
  #limits: EngineLimits | null = null;
  #placement: PlacementReport | null = null;
  #nextSequenceId = 1;
  #inFlightCount = 0;
  #progressAtMs = 0;
  /** The engine may still be at sequences whose readers have left. */
  #isLettingGo = false;
  readonly #drainers: (() => void)[] = [];
  readonly #endListeners = new Set<(error: ServerError) => void>();
  #resolveReady!: (limits: EngineLimits) => void;
  #rejectReady!: (reason: Error) => void;
  #resolveDied!: (error: ServerError) => void;

  constructor(options: ChannelEngineClientOptions) {
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    this.died = new Promise((resolve) => {
      this.#resolveDied = resolve;
    });
    // Whoever awaits `ready` sees the rejection; nobody awaiting it is no reason to end the process.
    this.ready.catch(() => {});
  }

  get limits(): EngineLimits {
    if (this.#limits === null) throw new ServerError('not_ready', 'The model is still loading.');
    return this.#limits;
  }

  /** Null until the engine is ready, and where it runs in this thread. */
  get placement(): PlacementReport | null {
    return this.#placement;
  }

  get health(): EngineHealth {
    return {
      state: this.#state,
      inFlightCount: this.#inFlightCount,
      withoutProgressMs: this.#isIdle ? 0 : this.#options.clock.monotonicMs() - this.#progressAtMs,
    };
  }

  /** As far as it is known here. Readers that give up on an engine that hangs must not make it seem so. */
  get #isIdle(): boolean {
    return this.#streams.size === 0 && !this.#isLettingGo;
  }

  admit(count: number, param = 'n'): Admission {
    this.#assertServing();
    if (this.#state === 'draining') {
      throw new ServerError('shutting_down', 'The server is shutting down and takes no new requests.');
    }
    const { inFlightMax } = this.#options;
    if (count > inFlightMax) {
      throw new ServerError(
        'invalid_request',
        `This server runs at most ${inFlightMax} choices at a time, not ${count}.`,
        { param },
      );
    }
    if (this.#inFlightCount + count > inFlightMax) {
      throw new ServerError(
        'queue_full',
        `Of the ${inFlightMax} places for choices ${this.#inFlightCount} are taken and this request needs ${count}; try again in ${RETRY_AFTER_SECONDS} s${count > 1 ? ', or ask for fewer at once' : ''}.`,
      );
    }
    this.#inFlightCount += count;
    let inside = true;
    return {
      leave: () => {
        if (!inside) return;
        inside = false;
        this.#inFlightCount -= count;
        if (this.#inFlightCount === 0) this.#tellDrainers();
      },
    };
  }

  generate(input: GenerationInput, onReadable: OnReadable): TokenFeed {
    this.#assertServing();
    this.#assertFits(input);
    const sequenceId = this.#nextSequenceId++;
    const stream = new TokenStream({
      onReadable,
      onEnd: (takenCount) => this.#cancel(sequenceId, takenCount),
    });
    if (this.#isIdle) this.#progressAtMs = this.#options.clock.monotonicMs();
    this.#streams.set(sequenceId, stream);
    this.#options.send({ kind: 'request-submit', request: { ...input, sequenceId } });
    return stream;
  }

  onStep(listener: (report: StepReport) => void): void {
    this.#stepListeners.push(listener);
  }

  async drain(): Promise<void> {
    if (this.#state === 'ready') this.#state = 'draining';
    if (this.#inFlightCount === 0 || this.#state === 'dead') return;
    await new Promise<void>((resolve) => this.#drainers.push(resolve));
  }

  async close(): Promise<boolean> {
    this.#end(new ServerError('shutting_down', 'The server was stopped.'));
    return this.#options.close();
  }

  /** Takes in what the engine says. */
  receive(event: EngineEvent): void {
    // What was on its way when the client was closed concerns nobody any more.
    if (this.#state === 'dead') return;
    switch (event.kind) {
      case 'engine-loading':
        this.#options.onLoading?.(event.progress);
        return;
      case 'engine-ready':
        this.#limits = event.limits;
        this.#placement = event.placement ?? null;
        this.#state = 'ready';
        this.#resolveReady(event.limits);
        return;
      case 'step-result':
        this.#takeProgress(event.report);
        for (const { sequenceId, scores } of event.promptScores) {
          this.#streams.get(sequenceId)?.pushScores(scores);
        }
        for (const use of event.predictions) this.#streams.get(use.sequenceId)?.pushPrediction(use);
        this.#takeTokens(event.tokens);
        for (const { sequenceId, code, message } of event.failures) {
          const stream = this.#streams.get(sequenceId);
          this.#streams.delete(sequenceId);
          stream?.fail(new ServerError(code, message));
        }
        for (const listener of this.#stepListeners) listener(event.report);
        return;
      case 'engine-fatal':
        this.fail(errorOf(event.fault));
        return;
      default:
        assertNever(event);
    }
  }

  #takeProgress({ runningCount, waitingCount }: StepReport): void {
    this.#progressAtMs = this.#options.clock.monotonicMs();
    if (runningCount + waitingCount === 0) this.#isLettingGo = false;
  }

  /** A sequence that has ended is forgotten first: its reader may do anything when it is told. */
  #takeTokens(tokens: readonly SequenceToken[]): void {
    for (const token of tokens) {
      const stream = this.#streams.get(token.sequenceId);
      if (token.finishReason !== null) this.#streams.delete(token.sequenceId);
      stream?.push(token);
    }
  }

  /**
   * The engine is gone by itself. Harmless after the first time, and after `close`.
   * @param cause for the operator; clients are told no more than that it has failed
   */
  fail(cause: Error): void {
    if (this.#state === 'loading') this.#rejectReady(cause);
    const error = new ServerError('engine_dead', 'The engine has failed; the server ends.', { cause });
    if (this.#end(error)) this.#resolveDied(error);
  }

  /** Every open stream fails, and nothing new is taken. @returns false when it had ended before. */
  #end(error: ServerError): boolean {
    if (this.#state === 'dead') return false;
    this.#state = 'dead';
    this.#isLettingGo = false;
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.fail(error);
    for (const listener of [...this.#endListeners]) listener(error);
    this.#rejectReady(error);
    this.#tellDrainers();
    return true;
  }

  onEnd(listener: (error: ServerError) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  #tellDrainers(): void {
    for (const resolve of this.#drainers.splice(0)) resolve();
  }

  /** After a sequence's reader has left: tells the engine, unless the sequence has ended by itself. */
  #cancel(sequenceId: number, takenCount: number | null): void {
    if (!this.#streams.delete(sequenceId)) return;
    this.#isLettingGo = true;
    this.#options.send({ kind: 'request-abort', sequenceId, takenCount });
  }

  #assertServing(): void {
    if (this.#state === 'dead') throw new ServerError('engine_dead', 'The engine has stopped.');
    if (this.#state === 'loading') throw new ServerError('not_ready', 'The model is still loading.');
  }

  #assertFits({ promptTokenIds, newTokensMax }: GenerationInput): void {
    const { modelLengthMax } = this.limits;
    if (promptTokenIds.length + newTokensMax > modelLengthMax) {
      throw new ServerError(
        'context_length_exceeded',
        `The prompt has ${promptTokenIds.length} tokens and the output up to ${newTokensMax}; ` +
          `together they have at most ${modelLengthMax}.`,
      );
    }
  }
}

function errorOf({ message, stack, isStartupError }: EngineFault): Error {
  if (isStartupError) return new StartupError(message);
  return Object.assign(new Error(message), { stack });
}
