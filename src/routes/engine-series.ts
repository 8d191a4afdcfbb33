/**
 * The Prometheus series of the engine, under the names, labels and buckets of vLLM's V1 engine; each with all values of its
 * labels from the beginning, so that the first of a kind is a rise from 0.
 */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DRAFT_TOKENS_MAX } from '../base/limits.ts';
import type { EngineClient } from '../engine/engine-client.ts';

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
export type FinishedReason = (typeof FINISHED_REASONS)[number];

type MetricText = { readonly name: string; readonly help: string };

function text(name: string, help: string): MetricText {
  return { name: `vllm:${name}`, help };
}

function histogramsIn(registers: Registry[]) {
  return (name: string, help: string, buckets: number[]) =>
    new Histogram({ ...text(name, help), buckets, registers });
}

/** A counter for each of the values that a label has, which begin at 0. */
function countersBy(registers: Registry[], label: string, values: readonly string[]) {
  return (name: string, help: string) => {
    const counter = new Counter({ ...text(name, help), labelNames: [label], registers });
    for (const value of values) counter.inc({ [label]: value }, 0);
    return counter;
  };
}

/** As they are after the last step. */
function stateSeries(registers: Registry[]) {
  const gauge = (name: string, help: string) => new Gauge({ ...text(name, help), registers });
  const waiting = gauge('num_requests_waiting', 'Number of requests waiting to be processed.');
  new Gauge({
    ...text('num_requests_waiting_by_reason', 'Number of waiting requests by what they wait for.'),
    labelNames: ['reason'],
    registers,
    // Nothing else is waited for here: vLLM's other reason is what its adapters and transfers of caches hold back.
    async collect() {
      const { values } = await waiting.get();
      this.set({ reason: 'capacity' }, values[0]!.value);
    },
  });
  return {
    running: gauge('num_requests_running', 'Number of requests in model execution batches.'),
    waiting,
    cacheUsage: gauge('kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.'),
  };
}

/** The prompts of all choices, and of `n` choices each its own, as vLLM counts them. */
function promptSeries(registers: Registry[]) {
  const counter = (name: string, help: string) => new Counter({ ...text(name, help), registers });
  const bySource = countersBy(registers, 'source', ['local_compute', 'local_cache_hit']);
  return {
    promptTokens: counter('prompt_tokens_total', 'Prompt tokens, the cached included, once computed.'),
    cachedPromptTokens: counter('prompt_tokens_cached_total', 'Prompt tokens out of the prefix cache.'),
    promptTokensBySource: bySource(
      'prompt_tokens_by_source_total',
      'Prompt tokens by where their keys and values came from.',
    ),
    computedLength: histogramsIn(registers)(
      'request_prefill_kv_computed_tokens',
      'Prompt tokens of finished choices, without the cached.',
      REQUEST_TOKENS,
    ),
  };
}

/** What plans of steps had. */
function planSeries(registers: Registry[]) {
  const counter = (name: string, help: string) => new Counter({ ...text(name, help), registers });
  const byPosition = countersBy(
    registers,
    'position',
    Array.from({ length: DRAFT_TOKENS_MAX }, (_, at) => String(at)),
  );
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
    acceptedTokensAt: byPosition(
      'spec_decode_num_accepted_tokens_per_pos_total',
      'Tokens of drafts that were right, by place.',
    ),
  };
}

/** What came out of steps. */
function outputSeries(registers: Registry[]) {
  const histogram = histogramsIn(registers);
  const byReason = countersBy(registers, 'finished_reason', FINISHED_REASONS);
  return {
    generationTokens: new Counter({
      ...text('generation_tokens_total', 'Number of generated tokens, those behind a stop string included.'),
      registers,
    }),
    requestSuccess: byReason('request_success_total', 'Number of finished choices by reason.'),
    stepTokens: histogram('iteration_tokens_total', 'Tokens per engine step, no wrong drafts.', STEP_TOKENS),
    promptLength: histogram('request_prompt_tokens', 'Prompt tokens of finished choices.', REQUEST_TOKENS),
    outputLength: histogram('request_generation_tokens', 'Tokens of finished choices.', REQUEST_TOKENS),
    longestOutput: histogram(
      'request_max_num_generation_tokens',
      'Tokens of the longest choice of each finished request.',
      REQUEST_TOKENS,
    ),
  };
}

/** How long it all took. */
function timeSeries(registers: Registry[]) {
  const histogram = histogramsIn(registers);
  const ofRequests = (name: string, help: string) => histogram(name, help, REQUEST_SECONDS);
  const betweenTokens = (name: string, help: string) => histogram(name, help, INTER_TOKEN_SECONDS);
  return {
    firstToken: histogram(
      'time_to_first_token_seconds',
      'Time to first token in seconds.',
      FIRST_TOKEN_SECONDS,
    ),
    interToken: betweenTokens('inter_token_latency_seconds', 'Inter-token latency in seconds.'),
    outputToken: betweenTokens(
      'request_time_per_output_token_seconds',
      'Mean time between the tokens of a request.',
    ),
    request: ofRequests('e2e_request_latency_seconds', 'Latency of whole requests in seconds.'),
    queue: ofRequests('request_queue_time_seconds', 'Time that requests wait to be taken up.'),
    prefill: ofRequests('request_prefill_time_seconds', 'Time from taking a request up to its first token.'),
    decode: ofRequests('request_decode_time_seconds', 'Time from first to last token.'),
    inference: ofRequests(
      'request_inference_time_seconds',
      'Time from taking a request up to its last token.',
    ),
  };
}

export type EngineSeries = ReturnType<typeof createSeries>;

/** All that the engine's reports and what the routes see of requests go into. */
export function createSeries(registry: Registry) {
  const registers = [registry];
  return {
    ...stateSeries(registers),
    ...planSeries(registers),
    ...promptSeries(registers),
    ...outputSeries(registers),
    ...timeSeries(registers),
  };
}

const SLEEP_STATES = ['awake', 'weights_offloaded', 'discard_all'] as const;

/** What is only known of an engine that has loaded: gauges of which each label's value tells something. */
export function registerEngineFacts(
  registry: Registry,
  engine: Pick<EngineClient, 'health' | 'limits'>,
): void {
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
