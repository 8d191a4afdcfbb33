/** Figures as cells and tables for a terminal. Pure. */

import type { MachineFacts } from './machine.ts';
import type { RepeatedFigure } from './statistics.ts';

export const NOTHING = '-';

export function renderMachine(machine: MachineFacts): string {
  return (
    `${machine.cpuModel}, ${machine.coreCount} cores, ${machine.memoryGib} GiB, ${machine.platform}, ` +
    `Node ${machine.nodeVersion}, load before ${machine.loadAverageBefore}, revision ${machine.revision ?? NOTHING}`
  );
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

/** Three significant digits or none after the point, whichever is more. */
export function round(value: number): string {
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2);
}

export function cell(figure: RepeatedFigure | null): string {
  return figure === null ? NOTHING : round(figure.median);
}

/** Median, least and greatest of the repeats. */
export function rangeCell(figure: RepeatedFigure | null): string {
  return figure === null ? NOTHING : `${round(figure.median)} (${round(figure.min)}..${round(figure.max)})`;
}

export function ratioCell(figure: RepeatedFigure | null): string {
  if (figure === null) return NOTHING;
  return `${figure.median.toFixed(2)} (${figure.min.toFixed(2)}..${figure.max.toFixed(2)})`;
}
