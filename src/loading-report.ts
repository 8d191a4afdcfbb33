/** Tells whoever started the server how far the weights are that are prepared for the first time. */

import type { Clock } from './base/clock.ts';
import type { LoadingProgress } from './engine/protocol.ts';

/** Where nobody watches lines change, a new one is written so often at most. */
const LINE_EVERY_MS = 5_000;

export type ReportTarget = { readonly isTTY?: boolean; write(text: string): unknown };

/** On a terminal one line that changes, elsewhere a line now and then. */
export function loadingReport(clock: Clock, target: ReportTarget): (progress: LoadingProgress) => void {
  let startMs: number | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  return ({ doneCount, totalCount }) => {
    const nowMs = clock.monotonicMs();
    startMs ??= nowMs;
    const ended = doneCount === totalCount;
    if (!target.isTTY && !ended && nowMs - lastMs < LINE_EVERY_MS) return;
    lastMs = nowMs;
    const line = describe(doneCount, totalCount, (nowMs - startMs) / 1000);
    target.write(target.isTTY ? `\r\u001b[K${line}${ended ? '\n' : ''}` : `${line}\n`);
  };
}

function describe(done: number, total: number, seconds: number): string {
  const share = `preparing weights, once: ${((100 * done) / total).toFixed(0)} % of ${millions(total)}`;
  if (done === 0 || seconds === 0) return share;
  const rate = done / seconds;
  if (done === total) return `${share} in ${seconds.toFixed(1)} s`;
  return `${share}, ${millions(rate)} a second, ${((total - done) / rate).toFixed(0)} s left`;
}

function millions(count: number): string {
  return `${(count / 1e6).toFixed(0)} million`;
}
