/** When a conformance run fails, and how the reports of other people's suites are read. */

import { describe, expect, it } from 'vitest';
import { type CaseResult, readCaseLines } from './judge.ts';
import { readBenchmark, readEvaluation, readLlmComply, readOpenAiTest, readSchemathesis } from './suites.ts';
import { type JudgeReport, judgeRun } from './verdict.ts';

const passing: CaseResult = { name: 'chat: whole', outcome: 'passed', message: '' };
const failing: CaseResult = { name: 'tools: auto', outcome: 'failed', message: '400' };
const skipped: CaseResult = { name: 'image', outcome: 'skipped', message: 'no image' };
const ran = (...results: CaseResult[]): JudgeReport => ({ name: 'sdk', state: 'ran', results });
const known = (name: string) => [{ judge: 'sdk', case: name, reason: 'not built' }];

describe('a conformance run', () => {
  it('passes when every case passes or is skipped', () => {
    expect(judgeRun([ran(passing, skipped)], [])).toEqual({ complaints: [], known: [] });
  });

  it('fails at a failure that nobody knew of', () => {
    expect(judgeRun([ran(passing, failing)], []).complaints).toEqual(['sdk: tools: auto: 400']);
  });

  it('passes with a failure that is known, and tells its reason', () => {
    const verdict = judgeRun([ran(passing, failing)], known('tools: *'));
    expect(verdict).toEqual({ complaints: [], known: ['sdk: tools: auto: not built'] });
  });

  it('does not excuse the failure of another judge', () => {
    const list = [{ judge: 'other', case: 'tools: auto', reason: 'not built' }];
    expect(judgeRun([ran(passing, failing)], list).complaints).toHaveLength(1);
  });

  it('fails when a known failure passes', () => {
    expect(judgeRun([ran(passing)], known('chat: whole')).complaints[0]).toMatch(/take it off the list/);
  });

  it('passes when a known failure that depends on the model passes', () => {
    expect(judgeRun([ran(passing)], [{ ...known('chat: whole')[0]!, mayPass: true }]).complaints).toEqual([]);
  });

  it('does not ask for known failures of a judge that was not run', () => {
    const report: JudgeReport = { name: 'sdk', state: 'not run', reason: 'go is not installed' };
    expect(judgeRun([report, { ...ran(passing), name: 'other' }], known('tools: auto')).complaints).toEqual(
      [],
    );
  });

  it('fails when a judge broke, judged nothing, or none was run', () => {
    const report = { name: 'sdk', reason: 'no network' };
    expect(judgeRun([{ ...report, state: 'broken' }, ran(passing)], []).complaints).toEqual([
      'sdk broke: no network',
    ]);
    expect(judgeRun([ran(skipped)], []).complaints).toEqual(['sdk judged no case']);
    expect(judgeRun([{ ...report, state: 'not run' }], []).complaints).toEqual(['no judge was run']);
  });
});

describe('the lines of our own programs', () => {
  const line = '{"case":"a","passed":true}';
  const read = (...lines: string[]) => readCaseLines({ code: 0, stdout: lines.join('\n') });

  it('are read among other output', () => {
    expect(read('warning: x', line, '{"cases":1}')).toEqual([{ name: 'a', outcome: 'passed', message: '' }]);
  });

  it('are refused when the program ended before its last line', () => {
    expect(() => read(line)).toThrow('1 cases reported, -1 announced');
    expect(() => read(line, '{"cases":2}')).toThrow('1 cases reported, 2 announced');
  });
});

describe('the report of', () => {
  it('schemathesis fails for operations that were not reached and for each problem', () => {
    const operations = { total: 2, tested: 2, errored: 0 };
    const report = { operations, test_cases: { generated: 50 }, failures: [], errors: [] };
    const outcomes = (changes: object) =>
      readSchemathesis({ ...report, ...changes }).map((one) => one.outcome);
    expect(outcomes({})).toEqual(['passed', 'passed']);
    expect(outcomes({ operations: { ...operations, tested: 1 } })).toEqual(['failed', 'passed']);
    expect(outcomes({ failures: [{ status: 500 }] })).toEqual(['passed', 'failed']);
  });

  it('llm-comply and openai_test gives each case by its name', () => {
    expect(readLlmComply({ results: [{ id: 'a', status: 'failed', errors: ['x', 'y'] }] })).toEqual([
      { name: 'a', outcome: 'failed', message: 'x; y' },
    ]);
    const tests = ['pass', 'fail', 'skip', 'warn'].map((status) => ({ id: 'a', stream: 'on', status }));
    const results = readOpenAiTest({ tests });
    expect(results.map(({ outcome }) => outcome)).toEqual(['passed', 'failed', 'skipped', 'skipped']);
    expect(results[0]!.name).toBe('a (stream on)');
  });

  it('the evaluation harness needs samples and a finite figure for every task', () => {
    const task = {
      results: { octavo_choice: { 'acc,none': 0.5 } },
      'n-samples': { octavo_choice: { effective: 4 } },
    };
    expect(readEvaluation(task).map(({ outcome }) => outcome)).toEqual(['passed', 'failed', 'failed']);
    const results = { octavo_choice: { 'acc,none': Number.NaN } };
    expect(readEvaluation({ ...task, results })[0]!.outcome).toBe('failed');
  });

  it('the benchmark needs every request, on the route that was asked for', () => {
    const successful = Array.from({ length: 6 }, () => ({
      request_type: 'chat_completions',
      output_tokens: 2,
    }));
    const benchmark = { request_totals: { successful: 6, errored: 0 }, requests: { successful } };
    const outcome = (route: string, one: object) =>
      readBenchmark(route, { benchmarks: [{ ...benchmark, ...one }] }).outcome;
    expect(outcome('chat_completions', {})).toBe('passed');
    expect(outcome('text_completions', {})).toBe('failed');
    expect(outcome('chat_completions', { requests: { successful: successful.slice(1) } })).toBe('failed');
  });
});
