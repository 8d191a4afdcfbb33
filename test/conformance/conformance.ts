/**
 * `npm run test:conformance`: the compiled server, judged by software that others wrote for OpenAI's API. Each judge runs
 * in its own folder with its own pinned manifest; what it needs is installed into `.cache/conformance`. Prints one table,
 * writes `.cache/conformance/results.json`, and ends with code 1 at a failure that is not among the known ones.
 *
 * `--only a,b` runs these judges; `--seed n` seeds what is random; `--list` names the judges.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type ServerProcess, startServer } from '../support/server-process.ts';
import type { Finished, Judge, Places, Target } from './judge.ts';
import { JUDGES } from './judges.ts';
import { KNOWN_FAILURES } from './known-failures.ts';
import { isOnPath, run } from './processes.ts';
import { table } from './table.ts';
import { type JudgeReport, judgeRun } from './verdict.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const WORK = path.join(ROOT, '.cache/conformance');
const MODEL_DIRECTORY = path.join(ROOT, 'models/octavo-mini');
const API_KEY = 'conformance-key';
/** Some judges install a few hundred megabytes. */
const PREPARE_SECONDS = 900;

const { values } = parseArgs({
  options: { only: { type: 'string' }, seed: { type: 'string', default: '1' }, list: { type: 'boolean' } },
});

function placesOf(judge: Judge): Places {
  const work = path.join(WORK, judge.name);
  const report = path.join(work, 'report');
  rmSync(report, { recursive: true, force: true });
  mkdirSync(report, { recursive: true });
  return { source: path.join(import.meta.dirname, judge.name), work, report };
}

function versionOf({ name, version }: Judge): string {
  const text = readFileSync(path.join(import.meta.dirname, name, version.file), 'utf8');
  const match = version.pattern.exec(text);
  if (match === null) throw new Error(`${name}: no version in ${version.file}`);
  return match[1]!;
}

async function prepare({ prepare: { manifests, commands } }: Judge, places: Places): Promise<void> {
  const hash = createHash('sha256');
  for (const file of manifests) hash.update(readFileSync(path.join(places.source, file)));
  const digest = hash.digest('hex');
  const stamp = path.join(places.work, 'prepared');
  let prepared = '';
  try {
    prepared = readFileSync(stamp, 'utf8');
  } catch {
    // The first time.
  }
  if (prepared === digest) return;
  for (const command of commands(places)) {
    const { code } = await run(command, {
      directory: places.source,
      environment: process.env,
      log: path.join(places.work, 'prepare.log'),
      limitSeconds: PREPARE_SECONDS,
    });
    if (code !== 0)
      throw new Error(`${command.join(' ')} ended with ${code}; see ${places.work}/prepare.log`);
  }
  writeFileSync(stamp, digest);
}

async function runAll(judge: Judge, target: Target, places: Places, seed: number): Promise<Finished> {
  const log = path.join(places.work, 'run.log');
  writeFileSync(log, '');
  const environment = {
    ...process.env,
    OPENAI_BASE_URL: `${target.url}/v1`,
    OPENAI_API_KEY: target.apiKey,
    CONFORMANCE_MODEL: target.model,
    CONFORMANCE_NARROW_URL: `${target.narrowUrl}/v1`,
    // Nothing is fetched from a hub, and nobody is told of the run.
    HF_HUB_OFFLINE: '1',
    HF_DATASETS_OFFLINE: '1',
    HF_HOME: path.join(places.work, 'hugging-face'),
    DO_NOT_TRACK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const all: { code: number | null; stdout: string } = { code: 0, stdout: '' };
  for (const command of judge.commands(target, places, seed)) {
    const options = { directory: places.source, environment, log, limitSeconds: judge.limitSeconds };
    const { code, stdout } = await run(command, options);
    if (all.code === 0) all.code = code;
    all.stdout += stdout;
  }
  return all;
}

async function reportOf(judge: Judge, target: Target, seed: number): Promise<JudgeReport> {
  const { name } = judge;
  const missing = judge.toolChain.filter((program) => !isOnPath(program));
  if (missing.length > 0) return { name, state: 'not run', reason: `${missing.join(', ')} is not installed` };
  const places = placesOf(judge);
  try {
    await prepare(judge, places);
    const finished = await runAll(judge, target, places, seed);
    return { name, state: 'ran', results: judge.read(finished, places) };
  } catch (error) {
    return { name, state: 'broken', reason: error instanceof Error ? error.message : String(error) };
  }
}

function chosenJudges(): readonly Judge[] {
  if (values.only === undefined) return JUDGES;
  return values.only.split(',').map((name) => {
    const judge = JUDGES.find((candidate) => candidate.name === name);
    if (judge === undefined)
      throw new Error(`no judge '${name}': ${JUDGES.map((one) => one.name).join(', ')}`);
    return judge;
  });
}

async function judgeAll(judges: readonly Judge[], seed: number): Promise<void> {
  const flags = ['--api-key', API_KEY, '--log-level', 'warn'];
  const servers: ServerProcess[] = [];
  const reports: JudgeReport[] = [];
  const seconds = new Map<string, number>();
  try {
    servers.push(await startServer({ flags }));
    servers.push(await startServer({ flags: [...flags, '--max-in-flight', '1'] }));
    const target: Target = {
      url: servers[0]!.baseUrl,
      narrowUrl: servers[1]!.baseUrl,
      apiKey: API_KEY,
      model: path.basename(MODEL_DIRECTORY),
      modelDirectory: MODEL_DIRECTORY,
    };
    for (const judge of judges) {
      console.log(`${judge.name} …`);
      const startMs = performance.now();
      reports.push(await reportOf(judge, target, seed));
      seconds.set(judge.name, (performance.now() - startMs) / 1000);
      const ended = servers.find(({ process: { exitCode } }) => exitCode !== null);
      if (ended !== undefined) throw new Error(`the server ended under ${judge.name}: ${ended.output()}`);
    }
  } finally {
    for (const server of servers) await server.stop('SIGTERM');
    const output = servers.map((server) => server.output()).join('\n');
    mkdirSync(WORK, { recursive: true });
    writeFileSync(path.join(WORK, 'server.log'), output);
  }
  const verdict = judgeRun(reports, KNOWN_FAILURES);
  const rows = judges.map((judge, index) => ({
    judge: judge.name,
    title: judge.title,
    version: versionOf(judge),
    seconds: seconds.get(judge.name) ?? 0,
    report: reports[index]!,
  }));
  writeFileSync(path.join(WORK, 'results.json'), `${JSON.stringify({ seed, rows, verdict }, null, 2)}\n`);
  console.log(`\n${table(rows, KNOWN_FAILURES)}\n\nseed ${seed}; ${path.relative(ROOT, WORK)}/results.json`);
  for (const line of verdict.known) console.log(`known   ${line}`);
  for (const line of verdict.complaints) console.error(`FAILED  ${line}`);
  if (verdict.complaints.length > 0) process.exitCode = 1;
}

if (values.list === true) {
  for (const judge of JUDGES) console.log(`${judge.name.padEnd(20)} ${judge.title} ${versionOf(judge)}`);
} else {
  await judgeAll(chosenJudges(), Number(values.seed));
}
