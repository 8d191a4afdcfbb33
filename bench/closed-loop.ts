/**
 * Load with a fixed number of clients: each sends its next request when its last one has ended. What a request is
 * the caller says, so the server and the bare engine are driven by the same loop.
 */

import { type Distribution, distribution, mean } from './statistics.ts';
import type { StreamOutcome, StreamRecord } from './stream-record.ts';

export type Load = {
  readonly concurrency: number;
  readonly requestCount: number;
  /** Called with 0, 1, 2, … in the order of sending. Must not reject. */
  readonly send: (index: number) => Promise<FinishedStream>;
};

/**
 * A request that is over, to be looked at when the run is: taking answers apart in between would take the cores from
 * the requests that still run.
 */
export type FinishedStream = () => StreamOutcome;

export type RunFigures = {
  readonly concurrency: number;
  readonly requestCount: number;
  readonly failures: readonly string[];
  /** From the first request sent to the last token received. */
  readonly wallMs: number;
  readonly outputTokenCount: number;
  readonly outputTokensPerSecond: number;
  readonly requestsPerSecond: number;
  readonly firstTokenMs: Distribution | null;
  /** Gaps between pieces, of all requests together. */
  readonly interTokenMs: Distribution | null;
  /** One value a request: (last token - first token) / (output tokens - 1), by the server's count. */
  readonly timePerOutputTokenMs: Distribution | null;
  /** Output tokens a piece; above 1 where the server merged tokens or held text back. */
  readonly tokensPerPiece: number;
  readonly promptTokensMean: number;
  readonly cachedTokensMean: number;
  /** CPU time of this process in the run: the load generator's own cost, and the bare engine's where that is driven. */
  readonly ownCpuMs: number;
};

/** Runs the load to its end. Requests that fail are counted, not sent again. */
export async function runClosedLoop(load: Load): Promise<RunFigures> {
  const finished: FinishedStream[] = [];
  let nextIndex = 0;
  const cpuBefore = process.cpuUsage();
  const client = async () => {
    while (nextIndex < load.requestCount) finished.push(await load.send(nextIndex++));
  };
  await Promise.all(Array.from({ length: load.concurrency }, client));
  const { user, system } = process.cpuUsage(cpuBefore);
  const outcomes = finished.map((look) => look());
  return figuresOf(load, outcomes, (user + system) / 1000);
}

function figuresOf(load: Load, outcomes: readonly StreamOutcome[], ownCpuMs: number): RunFigures {
  const records = outcomes.flatMap((outcome) => (outcome.kind === 'stream-done' ? [outcome.record] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.kind === 'stream-failed' ? [outcome.reason] : []));
  const wallMs = wallOf(records);
  const outputTokenCount = records.reduce((sum, record) => sum + record.outputTokenCount, 0);
  const pieceCount = records.reduce((sum, record) => sum + record.gapsMs.length + 1, 0);
  return {
    concurrency: load.concurrency,
    requestCount: load.requestCount,
    failures,
    wallMs,
    outputTokenCount,
    outputTokensPerSecond: wallMs === 0 ? 0 : (outputTokenCount * 1000) / wallMs,
    requestsPerSecond: wallMs === 0 ? 0 : (records.length * 1000) / wallMs,
    firstTokenMs: distribution(records.map(firstTokenMs)),
    interTokenMs: distribution(records.flatMap((record) => record.gapsMs)),
    timePerOutputTokenMs: distribution(records.flatMap(timePerOutputTokenMs)),
    tokensPerPiece: pieceCount === 0 ? 0 : outputTokenCount / pieceCount,
    promptTokensMean: mean(records.map((record) => record.promptTokenCount)),
    cachedTokensMean: mean(records.map((record) => record.cachedTokenCount)),
    ownCpuMs,
  };
}

export function firstTokenMs(record: StreamRecord): number {
  return record.firstTokenAtMs - record.sentAtMs;
}

function timePerOutputTokenMs(record: StreamRecord): number[] {
  if (record.outputTokenCount < 2) return [];
  return [(record.lastTokenAtMs - record.firstTokenAtMs) / (record.outputTokenCount - 1)];
}

function wallOf(records: readonly StreamRecord[]): number {
  if (records.length === 0) return 0;
  const first = records.reduce((min, record) => Math.min(min, record.sentAtMs), Infinity);
  const last = records.reduce((max, record) => Math.max(max, record.lastTokenAtMs), -Infinity);
  return last - first;
}
