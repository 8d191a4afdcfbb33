/** The table that ends a conformance run. */

import { isKnown, type JudgeReport, type KnownFailure } from './verdict.ts';

export type Row = {
  readonly judge: string;
  readonly title: string;
  readonly version: string;
  readonly seconds: number;
  readonly report: JudgeReport;
};

const HEADER = ['judge', 'version', 'cases', 'passed', 'skipped', 'known', 'failed', 'seconds'];

function cells({ judge, version, seconds, report }: Row, known: readonly KnownFailure[]): readonly string[] {
  if (report.state !== 'ran') return [judge, version, report.state, '', '', '', '', report.reason];
  const { results } = report;
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  const knownCount = results.filter(
    ({ name, outcome }) => outcome === 'failed' && known.some((entry) => isKnown(entry, judge, name)),
  ).length;
  const counts = [
    results.length,
    count('passed'),
    count('skipped'),
    knownCount,
    count('failed') - knownCount,
  ];
  return [judge, version, ...counts.map(String), seconds.toFixed(0)];
}

export function table(rows: readonly Row[], known: readonly KnownFailure[]): string {
  const lines = [HEADER, ...rows.map((row) => cells(row, known))];
  const widths = HEADER.map((_, column) =>
    Math.max(...lines.map((line) => (column === 7 ? 0 : line[column]!.length))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
