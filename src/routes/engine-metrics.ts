/**
 * What Prometheus reads, so that dashboards, routers and autoscalers made for vLLM work unchanged: the series of the engine, of the
 * HTTP side, of the store of responses and of the process. Fed from outside: the engine's step reports, and what the routes
 * see of each request. Has registries of its own; labels that never change are the registry's, which makes an
 * observation several times cheaper than looking them up.
 */

import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { EndedSequence, StepReport } from '../engine/protocol.ts';
import type { TextEvent } from '../engine/text-generation.ts';
import {
  createSeries,
  type EngineSeries,
  type FinishedReason,
  registerEngineFacts,
} from './engine-series.ts';
import { HttpMetrics } from './http-metrics.ts';
import { type MeasuredStore, registerResponseStore } from './responses/response-store-metrics.ts';

export type EngineMetricsOptions = {
  /** The first of the served names. */
  readonly modelName: string;
  readonly engine: Pick<EngineClient, 'health' | 'limits' | 'onStep'>;
  readonly clock: Clock;
  readonly responseStore: MeasuredStore;
  /** Also the process's own series: CPU, memory, event loop. They keep timers, so tests leave them out. */
  readonly withProcessMetrics: boolean;
};

/** As vLLM counts them: prompt tokens that were computed, and generated ones. */
function usefulTokenCount({ tokenCount, draftedCount, draftAcceptedCount }: StepReport): number {
  return tokenCount - (draftedCount - draftAcceptedCount);
}

/** Bounds of buckets are written as Prometheus and vLLM write floats, `1.0`: dashboards ask for a bucket by that name. */
function withFloatBounds(exposition: string): string {
  return exposition.replace(/^([^\s{]+_bucket\{le="\d+)"/gm, '$1.0"');
}

export class EngineMetrics {
  readonly #registry = new Registry();
  readonly #processRegistry: Registry | null;
  readonly #series: EngineSeries;
  readonly #clock: Clock;
  readonly http: HttpMetrics;

  constructor({ modelName, engine, clock, responseStore, withProcessMetrics }: EngineMetricsOptions) {
    this.#registry.setDefaultLabels({ model_name: modelName, engine: '0' });
    this.#series = createSeries(this.#registry);
    this.http = new HttpMetrics(this.#registry);
    registerEngineFacts(this.#registry, engine);
    registerResponseStore(this.#registry, responseStore);
    this.#processRegistry = withProcessMetrics ? new Registry() : null;
    if (this.#processRegistry !== null) collectDefaultMetrics({ register: this.#processRegistry });
    this.#clock = clock;
    engine.onStep((report) => this.#onStep(report));
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** The whole exposition. */
  async exposition(): Promise<string> {
    const own = withFloatBounds(await this.#registry.metrics());
    return this.#processRegistry === null ? own : own + (await this.#processRegistry.metrics());
  }

  /** Follows one request; `startedMs` is when it arrived, on the monotonic clock. */
  observeRequest(choiceCount: number, startedMs: number): RequestObserver {
    return new RequestObserver(this.#series, this.#clock, choiceCount, startedMs);
  }

  #onStep(report: StepReport): void {
    const series = this.#series;
    series.running.set(report.runningCount);
    series.waiting.set(report.waitingCount);
    series.cacheUsage.set(report.cacheUsage);
    if (report.rowCount > 0) series.stepTokens.observe(usefulTokenCount(report));
    if (report.promptTokenCount > 0)
      this.#countPrompts(report.promptTokenCount, report.cachedPromptTokenCount);
    if (report.newTokenCount > 0) series.generationTokens.inc(report.newTokenCount);
    for (const gapMs of report.tokenGapsMs) series.interToken.observe(gapMs / 1000);
    for (const ended of report.ended) this.#onEnded(ended);
    if (report.preemptionCount > 0) series.preemptions.inc(report.preemptionCount);
    if (report.draftCount > 0) {
      series.drafts.inc(report.draftCount);
      series.draftTokens.inc(report.draftedCount);
      series.acceptedTokens.inc(report.draftAcceptedCount);
      for (const [at, count] of report.draftAcceptedAt.entries()) {
        series.acceptedTokensAt.inc({ position: String(at) }, count);
      }
    }
    if (report.prefixQueryTokenCount > 0) series.prefixQueries.inc(report.prefixQueryTokenCount);
    if (report.prefixHitTokenCount > 0) series.prefixHits.inc(report.prefixHitTokenCount);
  }

  #countPrompts(tokenCount: number, cachedCount: number): void {
    const { promptTokens, cachedPromptTokens, promptTokensBySource } = this.#series;
    promptTokens.inc(tokenCount);
    cachedPromptTokens.inc(cachedCount);
    promptTokensBySource.inc({ source: 'local_compute' }, tokenCount - cachedCount);
    promptTokensBySource.inc({ source: 'local_cache_hit' }, cachedCount);
  }

  #onEnded({
    promptTokenCount,
    cachedTokenCount,
    tokenCount,
    queueMs,
    prefillMs,
    decodeMs,
  }: EndedSequence): void {
    const series = this.#series;
    series.queue.observe(queueMs / 1000);
    series.prefill.observe(prefillMs / 1000);
    series.decode.observe(decodeMs / 1000);
    series.inference.observe((prefillMs + decodeMs) / 1000);
    if (tokenCount > 1) series.outputToken.observe(decodeMs / 1000 / (tokenCount - 1));
    series.promptLength.observe(promptTokenCount);
    series.computedLength.observe(promptTokenCount - cachedTokenCount);
    series.outputLength.observe(tokenCount);
  }
}

/** What the routes see of one request, as it passes. */
export class RequestObserver {
  readonly #series: EngineSeries;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #openChoices: Set<number>;
  #hasFirstToken = false;

  constructor(series: EngineSeries, clock: Clock, choiceCount: number, startedMs: number) {
    this.#series = series;
    this.#clock = clock;
    this.#startedMs = startedMs;
    this.#openChoices = new Set(Array.from({ length: choiceCount }, (_, index) => index));
  }

  observe(event: TextEvent): void {
    switch (event.kind) {
      case 'prompt':
        return;
      case 'prompt-logprobs':
      case 'text-delta':
      case 'message-delta':
        this.#onFirstToken();
        return;
      case 'choice-finish':
        this.#onFirstToken();
        this.#openChoices.delete(event.choiceIndex);
        this.#finish(event.reason === 'tool-calls' ? 'stop' : event.reason);
        return;
      case 'usage':
        this.#series.request.observe((this.#clock.monotonicMs() - this.#startedMs) / 1000);
        this.#series.longestOutput.observe(event.usage.longestTokenCount ?? event.usage.completionTokenCount);
    }
  }

  /** The request ends here: choices that have not finished were aborted by the client, or failed by a fault of the server. */
  close(reason: 'abort' | 'error'): void {
    for (let left = this.#openChoices.size; left > 0; left--) this.#finish(reason);
    this.#openChoices.clear();
  }

  #onFirstToken(): void {
    if (this.#hasFirstToken) return;
    this.#hasFirstToken = true;
    this.#series.firstToken.observe((this.#clock.monotonicMs() - this.#startedMs) / 1000);
  }

  #finish(reason: FinishedReason): void {
    this.#series.requestSuccess.inc({ finished_reason: reason });
  }
}
