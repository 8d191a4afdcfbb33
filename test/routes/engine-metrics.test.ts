import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import type { StepReport } from '../../src/engine/protocol.ts';
import { saying, sayingThenFailing, sayingThenSilent } from '../support/fake-text-generator.ts';
import { eventData, type RouteTestApp, routeTestApp } from '../support/route-test-app.ts';

const REPORT: StepReport = {
  tokenCount: 40,
  rowCount: 3,
  draftCount: 2,
  draftedCount: 6,
  draftAcceptedCount: 5,
  draftAcceptedAt: [2, 2, 1],
  newTokenCount: 2,
  tokenGapsMs: [],
  promptTokenCount: 0,
  cachedPromptTokenCount: 0,
  ended: [],
  preemptionCount: 1,
  prefixQueryTokenCount: 64,
  prefixHitTokenCount: 48,
  runningCount: 3,
  waitingCount: 2,
  cacheUsage: 0.25,
  stepMs: 5,
  runMs: 4,
};

const LABELS = 'model_name="octavo/tiny-1",engine="0"';

/** Series -> value, labels sorted out of the way: those that every series has are cut. */
async function series({ app }: RouteTestApp): Promise<Map<string, number>> {
  const response = await app.request('/metrics');
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const lines = (await response.text()).split('\n').filter((line) => line.startsWith('vllm:'));
  return new Map(
    lines.map((line) => {
      expect(line).toContain(LABELS);
      const name = line
        .slice(0, line.lastIndexOf(' '))
        .replace(LABELS, '')
        .replace('{}', '')
        .replace(',}', '}');
      return [name, Number(line.slice(line.lastIndexOf(' ')))];
    }),
  );
}

describe('the metrics', () => {
  it("have vLLM's names from the beginning", async () => {
    const names = [...(await series(routeTestApp())).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        'vllm:num_requests_running',
        'vllm:num_requests_waiting',
        'vllm:kv_cache_usage_perc',
        'vllm:spec_decode_num_drafts_total',
        'vllm:spec_decode_num_draft_tokens_total',
        'vllm:spec_decode_num_accepted_tokens_total',
        'vllm:prefix_cache_queries_total',
        'vllm:prefix_cache_hits_total',
        'vllm:num_preemptions_total',
        'vllm:prompt_tokens_total',
        'vllm:generation_tokens_total',
        'vllm:request_success_total{finished_reason="stop"}',
        'vllm:request_success_total{finished_reason="length"}',
        'vllm:request_success_total{finished_reason="abort"}',
        'vllm:request_success_total{finished_reason="error"}',
        'vllm:time_to_first_token_seconds_count',
        'vllm:inter_token_latency_seconds_count',
        'vllm:e2e_request_latency_seconds_count',
        'vllm:iteration_tokens_total_count',
        'vllm:request_queue_time_seconds_count',
        'vllm:request_prefill_time_seconds_count',
        'vllm:request_decode_time_seconds_count',
        'vllm:request_inference_time_seconds_count',
        'vllm:request_time_per_output_token_seconds_count',
        'vllm:request_prompt_tokens_count',
        'vllm:request_generation_tokens_count',
        'vllm:cache_config_info{block_size="16",num_gpu_blocks="128"}',
      ]),
    );
  });

  it('have the types that routers rely on', async () => {
    const text = await (await routeTestApp().app.request('/metrics')).text();
    const types = Object.fromEntries(
      [...text.matchAll(/^# TYPE vllm:(\S+) (\S+)$/gm)].map(([, n, t]) => [n, t]),
    );
    expect(types).toMatchObject({
      num_requests_running: 'gauge',
      num_requests_waiting: 'gauge',
      kv_cache_usage_perc: 'gauge',
      cache_config_info: 'gauge',
      generation_tokens_total: 'counter',
      iteration_tokens_total: 'histogram',
      inter_token_latency_seconds: 'histogram',
    });
  });

  // Prometheus before its third version takes `1` and `1.0` for two buckets.
  it("write bounds of buckets as vLLM's, which dashboards ask for by name", async () => {
    const text = await (await routeTestApp().app.request('/metrics')).text();
    const bounds = [...text.matchAll(/^vllm:time_to_first_token_seconds_bucket\{le="([^"]+)"/gm)].map(
      ([, bound]) => bound,
    );
    expect(bounds).toEqual(
      expect.arrayContaining(['0.1', '0.25', '0.5', '0.75', '1.0', '2.5', '5.0', '10.0']),
    );
    expect(bounds.at(-1)).toBe('+Inf');
    expect(text).toContain('vllm:request_prompt_tokens_bucket{le="200000.0",');
  });

  it.each(['loading', 'dead'] as const)(
    'tell neither the cache nor sleep of an engine that is %s',
    async (state) => {
      const test = routeTestApp();
      await series(test);
      test.engine.state = state;
      const text = await (await test.app.request('/metrics')).text();
      expect(text).not.toContain('block_size=');
      expect(text).not.toContain('sleep_state=');
    },
  );

  it.each(['ready', 'draining'] as const)('say that an engine that is %s is awake', async (state) => {
    const test = routeTestApp();
    test.engine.state = state;
    const states = [...(await series(test))].filter(([name]) => name.includes('engine_sleep_state'));
    expect(states).toEqual([
      ['vllm:engine_sleep_state{sleep_state="awake"}', 1],
      ['vllm:engine_sleep_state{sleep_state="weights_offloaded"}', 0],
      ['vllm:engine_sleep_state{sleep_state="discard_all"}', 0],
    ]);
  });

  it('say what waiting requests wait for', async () => {
    const test = routeTestApp();
    expect((await series(test)).get('vllm:num_requests_waiting_by_reason{reason="capacity"}')).toBe(0);
    test.engine.report(REPORT);
    expect((await series(test)).get('vllm:num_requests_waiting_by_reason{reason="capacity"}')).toBe(2);
  });

  it('add up the reports of steps and show the last state', async () => {
    const test = routeTestApp();
    const admission = test.engine.admit(1);
    test.engine.report(REPORT);
    test.engine.report({ ...REPORT, runningCount: 2, waitingCount: 0, cacheUsage: 0.5, tokenCount: 2 });
    const values = await series(test);
    expect(values.get('vllm:num_requests_running')).toBe(2);
    expect(values.get('vllm:num_requests_waiting')).toBe(0);
    expect(values.get('vllm:kv_cache_usage_perc')).toBe(0.5);
    expect(values.get('vllm:num_preemptions_total')).toBe(2);
    expect(values.get('vllm:prefix_cache_queries_total')).toBe(128);
    expect(values.get('vllm:prefix_cache_hits_total')).toBe(96);
    expect(values.get('vllm:spec_decode_num_drafts_total')).toBe(4);
    expect(values.get('vllm:spec_decode_num_draft_tokens_total')).toBe(12);
    expect(values.get('vllm:spec_decode_num_accepted_tokens_total')).toBe(10);
    const accepted = 'vllm:spec_decode_num_accepted_tokens_per_pos_total';
    expect([0, 1, 2, 3].map((at) => values.get(`${accepted}{position="${at}"}`))).toEqual([4, 4, 2, 0]);
    expect(values.get('vllm:generation_tokens_total')).toBe(4);
    // Of each step one token of a draft was wrong.
    expect(values.get('vllm:iteration_tokens_total_sum')).toBe(40);
    expect(values.get('vllm:iteration_tokens_total_bucket{le="8.0"}')).toBe(1);
    admission.leave();
  });

  it('do not count a step that computed nothing, and take its gauges', async () => {
    const test = routeTestApp();
    test.engine.report(REPORT);
    const idle = {
      tokenCount: 0,
      rowCount: 0,
      newTokenCount: 0,
      runningCount: 0,
      waitingCount: 0,
      cacheUsage: 0,
    };
    test.engine.report({ ...REPORT, ...idle });
    const values = await series(test);
    expect(values.get('vllm:num_requests_running')).toBe(0);
    expect(values.get('vllm:kv_cache_usage_perc')).toBe(0);
    expect(values.get('vllm:iteration_tokens_total_count')).toBe(1);
  });

  it('count reasons of finished requests exactly, streamed or not', async () => {
    const test = routeTestApp();
    test.generator.script = saying(['a', 'b', 'c'], 'length');
    await test.chat({ n: 2 });
    await eventData(await test.chat({ stream: true }));
    const values = await series(test);
    expect(values.get('vllm:request_success_total{finished_reason="length"}')).toBe(3);
    expect(values.get('vllm:time_to_first_token_seconds_count')).toBe(2);
    expect(values.get('vllm:e2e_request_latency_seconds_count')).toBe(2);
  });

  it('take the time between tokens from the steps, however the client reads', async () => {
    const test = routeTestApp();
    test.engine.report({ ...REPORT, tokenGapsMs: [20, 40] });
    await test.chat();
    const values = await series(test);
    expect(values.get('vllm:inter_token_latency_seconds_count')).toBe(2);
    expect(values.get('vllm:inter_token_latency_seconds_sum')).toBeCloseTo(0.06);
  });

  it('tell how long finished choices waited, were prepared and answered, and how long they are', async () => {
    const test = routeTestApp();
    const lengths = { promptTokenCount: 120, cachedTokenCount: 100, tokenCount: 5 };
    const ended = { ...lengths, queueMs: 2000, prefillMs: 500, decodeMs: 1000 };
    test.engine.report({ ...REPORT, ended: [ended, { ...ended, tokenCount: 1, decodeMs: 0 }] });
    const values = await series(test);
    const sum = (name: string) => values.get(`vllm:request_${name}_sum`);
    expect(sum('queue_time_seconds')).toBe(4);
    expect(sum('prefill_time_seconds')).toBe(1);
    expect(sum('decode_time_seconds')).toBe(1);
    expect(sum('inference_time_seconds')).toBe(2);
    expect(sum('prompt_tokens')).toBe(240);
    expect(sum('prefill_kv_computed_tokens')).toBe(40);
    expect(sum('generation_tokens')).toBe(6);
    // A single token has none between.
    expect(values.get('vllm:request_time_per_output_token_seconds_count')).toBe(1);
    expect(sum('time_per_output_token_seconds')).toBe(0.25);
  });

  it('count the prompts of all choices, and tell apart what was computed of them', async () => {
    const test = routeTestApp();
    const source = (name: string) => `vllm:prompt_tokens_by_source_total{source="${name}"}`;
    expect((await series(test)).get(source('local_cache_hit'))).toBe(0);
    test.engine.report({ ...REPORT, promptTokenCount: 30, cachedPromptTokenCount: 16 });
    test.engine.report({ ...REPORT, promptTokenCount: 10, cachedPromptTokenCount: 0 });
    const values = await series(test);
    expect(values.get('vllm:prompt_tokens_total')).toBe(40);
    expect(values.get('vllm:prompt_tokens_cached_total')).toBe(16);
    expect(values.get(source('local_compute'))).toBe(24);
    expect(values.get(source('local_cache_hit'))).toBe(16);
  });

  it('tell of every answer for who looks closely', async () => {
    const test = routeTestApp();
    await test.chat({ temperature: 9 });
    expect(test.debugged[0]).toEqual({
      requestId: expect.any(String),
      method: 'POST',
      path: '/v1/chat/completions',
      status: 400,
      ms: 0,
    });
  });

  it('measure the first token and the whole request in seconds', async () => {
    const test = routeTestApp();
    test.generator.script = async function* () {
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      test.clock.nowMs += 30;
      for (let token = 0; token < 3; token++) {
        yield { kind: 'text-delta', choiceIndex: 0, text: 'x', logprobs: null, tokenIds: null };
        test.clock.nowMs += 20;
      }
      yield { kind: 'choice-finish', choiceIndex: 0, reason: 'stop' };
      const usage = {
        promptTokenCount: 1,
        cachedTokenCount: 0,
        completionTokenCount: 3,
        reasoningTokenCount: null,
      };
      yield { kind: 'usage', usage };
    };
    await test.chat();
    const values = await series(test);
    expect(values.get('vllm:time_to_first_token_seconds_sum')).toBeCloseTo(0.03);
    expect(values.get('vllm:e2e_request_latency_seconds_sum')).toBeCloseTo(0.09);
  });

  it.each([
    ['its only choice', {}, 7],
    ['the longest of its choices', { longestTokenCount: 4 }, 4],
  ])('tell how long %s is, of each request', async (_, longest, expected) => {
    const test = routeTestApp();
    test.generator.script = async function* () {
      yield { kind: 'prompt', promptTokenCount: 1, prompts: null };
      yield { kind: 'choice-finish', choiceIndex: 0, reason: 'stop' };
      const counts = { promptTokenCount: 1, cachedTokenCount: 0, reasoningTokenCount: null };
      yield { kind: 'usage', usage: { ...counts, completionTokenCount: 7, ...longest } };
    };
    await test.chat();
    const values = await series(test);
    expect(values.get('vllm:request_max_num_generation_tokens_sum')).toBe(expected);
    expect(values.get('vllm:request_max_num_generation_tokens_count')).toBe(1);
  });

  it('count every choice of a failed request as an error', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing(['a'], new ServerError('step_failed', 'The step failed.'));
    await test.chat({ n: 3 });
    expect((await series(test)).get('vllm:request_success_total{finished_reason="error"}')).toBe(3);
  });

  it('count every choice once, also where some had finished before the failure', async () => {
    const test = routeTestApp();
    test.generator.script = async function* () {
      yield { kind: 'choice-finish', choiceIndex: 1, reason: 'stop' };
      throw new ServerError('step_failed', 'The step failed.');
    };
    await test.chat({ n: 3 });
    const values = await series(test);
    expect(values.get('vllm:request_success_total{finished_reason="stop"}')).toBe(1);
    expect(values.get('vllm:request_success_total{finished_reason="error"}')).toBe(2);
  });

  it('count a request that the client left as aborted, once', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenSilent(['a']);
    const reader = (await test.chat({ stream: true })).body!.getReader();
    await reader.read();
    await reader.cancel();
    const values = await series(test);
    expect(values.get('vllm:request_success_total{finished_reason="abort"}')).toBe(1);
    expect(values.get('vllm:request_success_total{finished_reason="error"}')).toBe(0);
  });

  const finishedCounts = async (test: RouteTestApp): Promise<number[]> => {
    const counts = [...(await series(test))].filter(([name]) => name.includes('request_success'));
    return counts.map(([, value]) => value);
  };

  it('count no refused request', async () => {
    const test = routeTestApp();
    test.generator.refusal = new ServerError('context_length_exceeded', 'Too long.');
    await test.chat();
    expect(await finishedCounts(test)).toEqual([0, 0, 0, 0]);
  });

  it.each([false, true])('count no request that is refused after its start, streamed: %s', async (stream) => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing([], new ServerError('context_length_exceeded', 'Too long.'));
    expect((await test.chat({ n: 3, stream })).status).toBe(400);
    expect(await finishedCounts(test)).toEqual([0, 0, 0, 0]);
    expect(test.engine.admittedCount).toBe(0);
  });

  it('count a request that the end of the engine cuts short as an error', async () => {
    const test = routeTestApp();
    test.generator.script = sayingThenFailing(
      ['a'],
      new ServerError('engine_dead', 'The engine has failed.'),
    );
    await test.chat();
    expect((await series(test)).get('vllm:request_success_total{finished_reason="error"}')).toBe(1);
  });
});
