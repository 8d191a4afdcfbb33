/** The figures as text for a terminal. Pure. */

import type { MachineFacts } from './machine.ts';
import type { BenchFigures, LevelFigures, Quantiles, SubjectFigures } from './scenarios.ts';
import type { SharedPrefixFigures } from './shared-prefix.ts';
import type { RepeatedFigure } from './statistics.ts';

const NOTHING = '-';

export type StartFigures = {
  /** From the start of the process. */
  readonly readyMs: number;
  readonly firstTokenMs: number;
};

export function renderReport(
  machine: MachineFacts,
  start: StartFigures | null,
  figures: BenchFigures,
): string {
  const parts = [renderMachine(machine)];
  if (start !== null) {
    parts.push(
      `start: ready after ${round(start.readyMs)} ms, first token after ${round(start.firstTokenMs)} ms`,
    );
  }
  parts.push(renderLevels(figures.levels));
  const failures = renderFailures(figures.levels);
  if (failures !== '') parts.push(failures);
  if (figures.sharedPrefix !== null) parts.push(renderSharedPrefix(figures.sharedPrefix));
  return parts.join('\n\n');
}

function renderMachine(machine: MachineFacts): string {
  return (
    `${machine.cpuModel}, ${machine.coreCount} cores, ${machine.memoryGib} GiB, ${machine.platform}, ` +
    `Node ${machine.nodeVersion}, load before ${machine.loadAverageBefore}, revision ${machine.revision ?? NOTHING}`
  );
}

function renderLevels(levels: readonly LevelFigures[]): string {
  const header = [
    'streams',
    'subject',
    'tokens/s (min..max)',
    'requests/s',
    'first token ms: median / p95 / p99',
    'inter-token ms: median / p95 / p99',
    'to first level',
    'to bare engine',
  ];
  const rows = levels.flatMap((level) => {
    const server = [
      ...subjectCells(level.concurrency, 'server', level.server),
      ratioCell(level.serverToFirstLevel),
      ratioCell(level.serverToEngine),
    ];
    if (level.engine === null) return [server];
    return [server, [...subjectCells(level.concurrency, 'engine', level.engine), NOTHING, NOTHING]];
  });
  return renderTable(header, rows);
}

function subjectCells(concurrency: number, name: string, figures: SubjectFigures): string[] {
  return [
    String(concurrency),
    name,
    rangeCell(figures.outputTokensPerSecond),
    cell(figures.requestsPerSecond),
    quantilesCell(figures.firstTokenMs),
    quantilesCell(figures.interTokenMs),
  ];
}

function renderFailures(levels: readonly LevelFigures[]): string {
  const lines = levels.flatMap((level) =>
    [level.server, level.engine].flatMap((subject) => {
      if (subject === null || subject.failureCount === 0) return [];
      const first = subject.runs.flatMap((run) => run.failures)[0];
      return [`${level.concurrency} streams: ${subject.failureCount} requests failed, the first: ${first}`];
    }),
  );
  return lines.join('\n');
}

function renderSharedPrefix(figures: SharedPrefixFigures): string {
  const header = ['shared prefix', 'prompt tokens', 'cached tokens', 'first token ms (min..max)'];
  const rows = [
    [
      'cold',
      cell(figures.promptTokenCount),
      cell(figures.coldCachedTokenCount),
      rangeCell(figures.coldFirstTokenMs),
    ],
    [
      'warm',
      cell(figures.promptTokenCount),
      cell(figures.warmCachedTokenCount),
      rangeCell(figures.warmFirstTokenMs),
    ],
  ];
  return `${renderTable(header, rows)}\ncold over warm, pair by pair: ${ratioCell(figures.ratio)}`;
}

/** Columns padded to their widest cell. */
export function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function quantilesCell(quantiles: Quantiles): string {
  return [quantiles.median, quantiles.p95, quantiles.p99].map(cell).join(' / ');
}

function cell(figure: RepeatedFigure | null): string {
  return figure === null ? NOTHING : round(figure.median);
}

function rangeCell(figure: RepeatedFigure | null): string {
  return figure === null ? NOTHING : `${round(figure.median)} (${round(figure.min)}..${round(figure.max)})`;
}

function ratioCell(figure: RepeatedFigure | null): string {
  if (figure === null) return NOTHING;
  return `${figure.median.toFixed(2)} (${figure.min.toFixed(2)}..${figure.max.toFixed(2)})`;
}

/** Three significant digits or none after the point, whichever is more. */
function round(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}
