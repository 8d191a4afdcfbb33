/** Suites that others wrote: how each is started, and how its report is read. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { CaseResult, Judge, Outcome } from './judge.ts';
import { pythonPackages, venvProgram } from './python.ts';

/** Time that property tests are given. */
const FUZZ_SECONDS = 150;
const FUZZ_CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'ignored_auth',
];

type FuzzReport = {
  readonly operations: { readonly total: number; readonly tested: number; readonly errored: number };
  readonly test_cases: { readonly generated: number };
  readonly failures: readonly unknown[];
  readonly errors: readonly unknown[];
};

/** One case for the whole, and one for each failure; the seed is in the report. */
export function readSchemathesis(report: FuzzReport): readonly CaseResult[] {
  const problems = [...report.failures, ...report.errors];
  const { total, tested } = report.operations;
  const isWhole = total > 0 && tested === total && report.test_cases.generated > total;
  return [
    {
      name: 'every operation tested',
      outcome: isWhole ? 'passed' : 'failed',
      message: `${tested} of ${total} operations, ${report.test_cases.generated} requests`,
    },
    {
      name: 'no response outside the description',
      outcome: problems.length === 0 ? 'passed' : 'failed',
      message: problems.map((problem) => JSON.stringify(problem).slice(0, 600)).join('\n'),
    },
  ];
}

type ComplyReport = {
  readonly results: readonly { id: string; status: 'passed' | 'failed' | 'skipped'; errors?: string[] }[];
};

export function readLlmComply(report: ComplyReport): readonly CaseResult[] {
  return report.results.map(({ id, status, errors }) => ({
    name: id,
    outcome: status,
    message: errors?.join('; ') ?? '',
  }));
}

type OpenAiTestReport = {
  readonly tests: readonly { id: string; stream?: string; status: string; detail?: string }[];
};

/** A warning is of a capability of the model, not of the protocol, and counts as skipped. */
export function readOpenAiTest(report: OpenAiTestReport): readonly CaseResult[] {
  const outcomes: Readonly<Record<string, Outcome>> = { pass: 'passed', fail: 'failed' };
  return report.tests.map(({ id, stream, status, detail }) => ({
    name: stream === undefined ? id : `${id} (stream ${stream})`,
    outcome: outcomes[status] ?? 'skipped',
    message: detail ?? '',
  }));
}

const EVALUATION_TASKS = ['octavo_choice', 'octavo_generate', 'octavo_perplexity'];

type EvaluationReport = {
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly 'n-samples': Readonly<Record<string, { readonly effective: number }>>;
};

/** The request path only: every sample has been answered and the metric could be computed. */
export function readEvaluation(report: EvaluationReport): readonly CaseResult[] {
  return EVALUATION_TASKS.map((task) => {
    const figures = Object.entries(report.results[task] ?? {}).filter(([name]) =>
      /^(acc|exact_match|word_perplexity),/.test(name),
    );
    const samples = report['n-samples'][task]?.effective ?? 0;
    const isComputed = figures.length > 0 && figures.every(([, value]) => Number.isFinite(value));
    return {
      name: task,
      outcome: isComputed && samples > 0 ? 'passed' : 'failed',
      message: `${samples} samples, ${JSON.stringify(figures)}`,
    };
  });
}

const BENCHMARK_REQUESTS = 6;
const BENCHMARK_ROUTES = ['text_completions', 'chat_completions'];

type BenchmarkReport = {
  readonly benchmarks: readonly {
    readonly request_totals: { readonly successful: number; readonly errored: number };
    readonly requests: { readonly successful: readonly { request_type: string; output_tokens: number }[] };
  }[];
};

export function readBenchmark(route: string, report: BenchmarkReport): CaseResult {
  const [benchmark] = report.benchmarks;
  const successful = benchmark?.requests.successful ?? [];
  const isWhole =
    successful.length === BENCHMARK_REQUESTS &&
    benchmark!.request_totals.errored === 0 &&
    successful.every(({ request_type, output_tokens }) => request_type === route && output_tokens > 0);
  return {
    name: route,
    outcome: isWhole ? 'passed' : 'failed',
    message: JSON.stringify(benchmark?.request_totals ?? 'no benchmark'),
  };
}

function parsed<Report>(file: string): Report {
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

const schemathesis: Judge = {
  name: 'schemathesis',
  title: 'Property tests over /openapi.json',
  version: { file: 'requirements.txt', pattern: /^schemathesis==(.+)$/m },
  ...pythonPackages,
  commands: (target, places, seed) => [
    [
      'env',
      'SCHEMATHESIS_HOOKS=hooks.py',
      'PYTHONPATH=.',
      venvProgram(places, 'schemathesis'),
      'run',
      `${target.url}/openapi.json`,
      ...['--header', `Authorization: Bearer ${target.apiKey}`, '--checks', FUZZ_CHECKS.join()],
      ...['--seed', String(seed), '--max-time', String(FUZZ_SECONDS), '--request-timeout', '60'],
      ...['--continue-on-failure', '--report', 'json'],
      ...['--report-json-path', path.join(places.report, 'report.json')],
    ],
  ],
  read: (_finished, { report }) => readSchemathesis(parsed(path.join(report, 'report.json'))),
  limitSeconds: 2 * FUZZ_SECONDS + 60,
};

const llmComply: Judge = {
  name: 'llm-comply',
  title: 'llm-comply, openai-chat',
  version: { file: 'requirements.txt', pattern: /^llm-comply==(.+)$/m },
  ...pythonPackages,
  commands: ({ url, apiKey, model }, places) => [
    [
      venvProgram(places, 'llm-comply'),
      'run',
      ...['--base-url', `${url}/v1`, '--api-key', apiKey, '--model', model],
      ...['--format', 'openai-chat', '--json'],
    ],
  ],
  read: ({ stdout }) => readLlmComply(JSON.parse(stdout) as ComplyReport),
  limitSeconds: 240,
};

const openAiTest: Judge = {
  name: 'openai-test',
  title: 'openai_test of webai-at-home, profile full',
  version: { file: 'package.json', pattern: /"webai-at-home": "([^"]+)"/ },
  toolChain: ['npm'],
  prepare: {
    manifests: ['package.json', 'package-lock.json'],
    commands: () => [['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund']],
  },
  commands: ({ url, apiKey, model }, { report }) => [
    [
      'node_modules/.bin/webai-at-home',
      'openai_test',
      'conformance',
      ...['--base_url', `${url}/v1`, '--api_key', apiKey, '--model', model, '--profile', 'full'],
      ...['--format', 'json', '--timeout_ms', '60000', '--output', path.join(report, 'report.json')],
    ],
  ],
  read: (_finished, { report }) => readOpenAiTest(parsed(path.join(report, 'report.json'))),
  limitSeconds: 400,
};

const evaluation: Judge = {
  name: 'lm-eval',
  title: 'lm-evaluation-harness, local-completions',
  version: { file: 'requirements.txt', pattern: /^lm[-_]eval==(.+)$/m },
  ...pythonPackages,
  commands: ({ url, model, modelDirectory }, places) => [
    [
      venvProgram(places, 'lm_eval'),
      ...['--model', 'local-completions', '--model_args'],
      `model=${model},base_url=${url}/v1/completions,tokenizer=${modelDirectory},num_concurrent=4,max_retries=1`,
      ...['--include_path', 'task', '--tasks', EVALUATION_TASKS.join()],
      ...['--output_path', places.report],
    ],
  ],
  read(_finished, { report }) {
    const files = readdirSync(report, { recursive: true, encoding: 'utf8' });
    const file = files.find((name) => name.endsWith('.json'));
    if (file === undefined) throw new Error('no report');
    return readEvaluation(parsed(path.join(report, file)));
  },
  limitSeconds: 300,
};

const benchmark: Judge = {
  name: 'guidellm',
  title: 'GuideLLM',
  version: { file: 'requirements.txt', pattern: /^guidellm==(.+)$/m },
  ...pythonPackages,
  commands: ({ url, apiKey, model, modelDirectory }, places) =>
    BENCHMARK_ROUTES.map((route) => [
      'env',
      `GUIDELLM__PREFERRED_ROUTE=${route}`,
      venvProgram(places, 'guidellm'),
      ...['benchmark', 'run', '--target', url, '--model', model, '--processor', modelDirectory],
      ...['--data', 'prompts.txt', '--rate-type', 'concurrent', '--rate', '2'],
      ...['--max-requests', String(BENCHMARK_REQUESTS), '--disable-progress'],
      ...['--backend-args', JSON.stringify({ api_key: apiKey, max_output_tokens: 16 })],
      ...['--output-path', path.join(places.report, `${route}.json`)],
    ]),
  read: (_finished, { report }) =>
    BENCHMARK_ROUTES.map((route) => readBenchmark(route, parsed(path.join(report, `${route}.json`)))),
  limitSeconds: 240,
};

export const SUITES: readonly Judge[] = [schemathesis, llmComply, openAiTest, evaluation, benchmark];
