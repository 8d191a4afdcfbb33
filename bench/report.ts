/** A comparison as tables for a terminal. Pure. */

import type { ComparisonFigures, LevelFigures, Quantiles, SubjectFigures } from './comparison.ts';
import { overRepeats } from './statistics.ts';
import { cell, rangeCell, ratioCell, renderTable, round } from './table.ts';

/** Levels, then ratios where there is more than one subject, then the first failure of each subject that had some. */
export function renderComparison({ levels }: ComparisonFigures): string {
  return [renderLevels(levels), renderRatios(levels), renderBusy(levels), renderFailures(levels)]
    .filter((part) => part !== '')
    .join('\n\n');
}

function renderLevels(levels: readonly LevelFigures[]): string {
  const header = [
    'streams',
    'subject',
    'tokens/s (min..max)',
    'requests/s',
    'first token ms: median / p95 / p99',
    'inter-token ms: median / p95 / p99',
    'ms a token',
    'to first level',
  ];
  const rows = levels.flatMap(({ concurrency, subjects }) =>
    subjects.map((figures) => [String(concurrency), ...subjectCells(figures)]),
  );
  return renderTable(header, rows);
}

function subjectCells(figures: SubjectFigures): string[] {
  return [
    figures.name,
    rangeCell(figures.outputTokensPerSecond),
    cell(figures.requestsPerSecond),
    quantilesCell(figures.firstTokenMs),
    quantilesCell(figures.interTokenMs),
    cell(figures.timePerOutputTokenMs.median),
    ratioCell(figures.toFirstLevel),
  ];
}

function renderRatios(levels: readonly LevelFigures[]): string {
  const rows = levels.flatMap(({ concurrency, ratios }) =>
    ratios.map((ratio) => [
      String(concurrency),
      `${ratio.subject} / ${ratio.reference}`,
      ratioCell(ratio.outputTokensPerSecond),
      ratioCell(ratio.requestsPerSecond),
      ratioCell(ratio.firstTokenMs),
      ratioCell(ratio.timePerOutputTokenMs),
    ]),
  );
  if (rows.length === 0) return '';
  const header = ['streams', 'ratio', 'tokens/s (min..max)', 'requests/s', 'first token', 'ms a token'];
  return renderTable(header, rows);
}

/** Of all runs together: figures of a machine with other work are to be read with care. */
function renderBusy(levels: readonly LevelFigures[]): string {
  const runs = levels.flatMap(({ subjects }) => subjects.flatMap((subject) => subject.runs));
  const busy = overRepeats(runs.map(({ busyBefore }) => busyBefore));
  if (busy === null) return '';
  const percent = (share: number) => (100 * share).toFixed(0);
  return `cores in use by others before a run: ${percent(busy.median)} % (${percent(busy.min)}..${percent(busy.max)})`;
}

function renderFailures(levels: readonly LevelFigures[]): string {
  return levels
    .flatMap(({ concurrency, subjects }) =>
      subjects.flatMap(({ name, failureCount, runs }) => {
        if (failureCount === 0) return [];
        const first = runs.flatMap((run) => run.failures)[0];
        return [`${name}, ${concurrency} streams: ${failureCount} requests failed, the first: ${first}`];
      }),
    )
    .join('\n');
}

export function renderStart({ readyMs, firstTokenMs }: { readyMs: number; firstTokenMs: number }): string {
  return `start: ready after ${round(readyMs)} ms, first token after ${round(firstTokenMs)} ms`;
}

function quantilesCell(quantiles: Quantiles): string {
  return [quantiles.median, quantiles.p95, quantiles.p99].map(cell).join(' / ');
}
