/**
 * Prometheus series under the names, labels and buckets of vLLM's V1 engine, so that dashboards, routers and
 * autoscalers made for it work unchanged, those of the HTTP side, and those of the store of responses. Fed from outside: the
 * engine's step reports, and what the routes see of each request. Has registries of its own; labels that never change are the registry's, which makes an
 * observation several times cheaper than looking them up.
 */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { EndedSequence, StepReport } from '../engine/protocol.ts';
import type { TextEvent } from '../engine/text-generation.ts';
import { HttpMetrics } from './http-metrics.ts';
import { type MeasuredStore, registerResponseStore } from './responses/response-store-metrics.ts';

// Buckets of vLLM's vllm/v1/metrics/loggers.py, so that quantiles of both can be put side by side.
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];
const INTER_TOKEN_SECONDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const REQUEST_SECONDS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const REQUEST_TOKENS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000,
];
const STEP_TOKENS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

const FINISHED_REASONS = ['stop', 'length', 'abort', 'error'] as const;
type FinishedReason = (typeof FINISHED_REASONS)[number];

export type EngineMetricsOptions = {
  /** The first of the served names. */
  readonly modelName: string;
  readonly engine: Pick<EngineClient, 'health' | 'limits' | 'onStep'>;
  readonly clock: Clock;
  readonly responseStore: MeasuredStore;
  /** Also the process's own series: CPU, memory, event loop. They keep timers, so tests leave them out. */
  readonly withProcessMetrics: boolean;
};

type MetricText = { readonly name: string; readonly help: string };

function text(name: string, help: string): MetricText {
  return { name: `vllm:${name}`, help };
}

/** The prompts of all choices, and of `n` choices each its own, as vLLM counts them. */
function promptSeries(registers: Registry[]) {
  const counter = (name: string, help: string) => new Counter({ ...text(name, help), registers });
  return {
    promptTokens: counter('prompt_tokens_total', 'Prompt tokens, the cached included, once computed.'),
    cachedPromptTokens: counter('prompt_tokens_cached_total', 'Prompt tokens out of the prefix cache.'),
    promptTokensBySource: new Counter({
      ...text('prompt_tokens_by_source_total', 'Prompt tokens by where their keys and values came from.'),
      labelNames: ['source'],
      registers,
    }),
    computedLength: new Histogram({
      ...text('request_prefill_kv_computed_tokens', 'Prompt tokens of finished choices, without the cached.'),
      buckets: REQUEST_TOKENS,
      registers,
    }),
  };
}

/** What plans of steps had. */
function planSeries(counter: (name: string, help: string) => Counter) {
  return {
    prefixQueries: counter('prefix_cache_queries_total', 'Prompt tokens looked up in the prefix cache.'),
    prefixHits: counter('prefix_cache_hits_total', 'Prompt tokens found in the prefix cache.'),
    preemptions: counter(
      'num_preemptions_total',
      'Sequences that lost their blocks and were computed again.',
    ),
    drafts: counter('spec_decode_num_drafts_total', 'Drafts: guesses at what follows a sequence.'),
    draftTokens: counter('spec_decode_num_draft_tokens_total', 'Tokens of drafts.'),
    acceptedTokens: counter('spec_decode_num_accepted_tokens_total', 'Tokens of drafts that were right.'),
  };
}

function createSeries(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ ...text(name, help), registers });
  const counter = (name: string, help: string) => new Counter({ ...text(name, help), registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ ...text(name, help), buckets, registers });
  return {
    running: gauge('num_requests_running', 'Number of requests in model execution batches.'),
    waiting: gauge('num_requests_waiting', 'Number of requests waiting to be processed.'),
    waitingByReason: new Gauge({
      ...text('num_requests_waiting_by_reason', 'Number of waiting requests by what they wait for.'),
      labelNames: ['reason'],
      registers,
    }),
    cacheUsage: gauge('kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.'),
    ...planSeries(counter),
    ...promptSeries(registers),
    generationTokens: counter(
      'generation_tokens_total',
      'Number of generated tokens, those behind a stop string included.',
    ),
    requestSuccess: new Counter({
      ...text('request_success_total', 'Number of finished choices by reason.'),
      labelNames: ['finished_reason'],
      registers,
    }),
    firstToken: histogram(
      'time_to_first_token_seconds',
      'Time to first token in seconds.',
      FIRST_TOKEN_SECONDS,
    ),
    interToken: histogram(
      'inter_token_latency_seconds',
      'Inter-token latency in seconds.',
      INTER_TOKEN_SECONDS,
    ),
    request: histogram(
      'e2e_request_latency_seconds',
      'Latency of whole requests in seconds.',
      REQUEST_SECONDS,
    ),
    queue: histogram(
      'request_queue_time_seconds',
      'Time that requests wait to be taken up.',
      REQUEST_SECONDS,
    ),
    prefill: histogram(
      'request_prefill_time_seconds',
      'Time from taking a request up to its first token.',
      REQUEST_SECONDS,
    ),
    decode: histogram('request_decode_time_seconds', 'Time from first to last token.', REQUEST_SECONDS),
    inference: histogram(
      'request_inference_time_seconds',
      'Time from taking a request up to its last token.',
      REQUEST_SECONDS,
    ),
    outputToken: histogram(
      'request_time_per_output_token_seconds',
      'Mean time between the tokens of a request.',
      INTER_TOKEN_SECONDS,
    ),
    promptLength: histogram('request_prompt_tokens', 'Prompt tokens of finished choices.', REQUEST_TOKENS),
    outputLength: histogram('request_generation_tokens', 'Tokens of finished choices.', REQUEST_TOKENS),
    stepTokens: histogram('iteration_tokens_total', 'Tokens per engine step, no wrong drafts.', STEP_TOKENS),
  };
}

/** As vLLM counts them: prompt tokens that were computed, and generated ones. */
function usefulTokenCount({ tokenCount, draftedCount, draftAcceptedCount }: StepReport): number {
  return tokenCount - (draftedCount - draftAcceptedCount);
}

const SLEEP_STATES = ['awake', 'weights_offloaded', 'discard_all'] as const;

/** What is only known of an engine that has loaded: gauges of which each label's value tells something. */
function registerEngineFacts(registry: Registry, engine: EngineMetricsOptions['engine']): void {
  const registers = [registry];
  const isThere = () => engine.health.state !== 'loading' && engine.health.state !== 'dead';
  new Gauge({
    ...text('cache_config_info', 'Information of the KV cache.'),
    labelNames: ['block_size', 'num_gpu_blocks'],
    registers,
    collect() {
      this.reset();
      if (!isThere()) return;
      const { blockSize, blockCount } = engine.limits;
      // Routers read the number of blocks under this name, whatever device they lie on.
      this.set({ block_size: String(blockSize), num_gpu_blocks: String(blockCount) }, 1);
    },
  });
  // This engine is never put to sleep; dashboards take a server that does not say so for one that is down.
  new Gauge({
    ...text('engine_sleep_state', 'The state that the engine is in has 1.'),
    labelNames: ['sleep_state'],
    registers,
    collect() {
      this.reset();
      if (!isThere()) return;
      for (const state of SLEEP_STATES) this.set({ sleep_state: state }, Number(state === 'awake'));
    },
  });
}

/** Bounds of buckets are written as Prometheus and vLLM write floats, `1.0`: dashboards ask for a bucket by that name. */
function withFloatBounds(exposition: string): string {
  return exposition.replace(/^([^\s{]+_bucket\{le="\d+)"/gm, '$1.0"');
}

export class EngineMetrics {
  readonly #registry = new Registry();
  readonly #processRegistry: Registry | null;
  readonly #series: ReturnType<typeof createSeries>;
  readonly #clock: Clock;
  readonly http: HttpMetrics;

  constructor({ modelName, engine, clock, responseStore, withProcessMetrics }: EngineMetricsOptions) {
    this.#registry.setDefaultLabels({ model_name: modelName, engine: '0' });
    this.#series = createSeries(this.#registry);
    this.http = new HttpMetrics(this.#registry);
    registerEngineFacts(this.#registry, engine);
    registerResponseStore(this.#registry, responseStore);
    this.#setWaiting(0);
    this.#countPrompts(0, 0);
    for (const reason of FINISHED_REASONS) this.#series.requestSuccess.inc({ finished_reason: reason }, 0);
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
    this.#setWaiting(report.waitingCount);
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
    }
    if (report.prefixQueryTokenCount > 0) series.prefixQueries.inc(report.prefixQueryTokenCount);
    if (report.prefixHitTokenCount > 0) series.prefixHits.inc(report.prefixHitTokenCount);
  }

  /** Nothing else is waited for here: vLLM's other reason is what its adapters and transfers of caches hold back. */
  #setWaiting(count: number): void {
    this.#series.waiting.set(count);
    this.#series.waitingByReason.set({ reason: 'capacity' }, count);
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
  readonly #series: ReturnType<typeof createSeries>;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #openChoices: Set<number>;
  #hasFirstToken = false;

  constructor(series: ReturnType<typeof createSeries>, clock: Clock, choiceCount: number, startedMs: number) {
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
