/**
 * Throughput and latency against concurrency, drawn as an SVG picture with nothing but strings. No background and colours
 * that follow the reader's scheme, so that it can be read on light and on dark pages. Pure.
 */

import type { ComparisonFigures, SubjectFigures } from './comparison.ts';
import type { RepeatedFigure } from './statistics.ts';

type Panel = {
  readonly title: string;
  readonly unit: string;
  readonly pick: (figures: SubjectFigures) => RepeatedFigure | null;
};
type Point = { readonly concurrency: number; readonly figure: RepeatedFigure };
type Series = { readonly name: string; readonly points: readonly Point[] };
/** Where a panel's axes lie, in pixels of the picture, and how far its vertical axis goes. */
type Frame = { readonly left: number; readonly valueMax: number; readonly concurrencies: readonly number[] };

const PANELS: readonly Panel[] = [
  { title: 'output tokens', unit: 'tokens/s', pick: (figures) => figures.outputTokensPerSecond },
  { title: 'time to first token, median', unit: 'ms', pick: (figures) => figures.firstTokenMs.median },
  {
    title: 'time per output token, median',
    unit: 'ms',
    pick: (figures) => figures.timePerOutputTokenMs.median,
  },
];
const WIDTH = 980;
const HEIGHT = 330;
const PLOT = { top: 84, height: 180, width: 240, firstLeft: 56, step: 322 } as const;
/** Okabe and Ito's, told apart by colour-blind readers and on both backgrounds; beyond four, marks repeat. */
const COLOURS = ['#0a84c6', '#d55e00', '#00a077', '#c06fa0'] as const;
const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .axis { stroke: #6e7781; fill: none; }
  .grid { stroke: #d0d7de; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .axis { stroke: #8b949e; }
    .grid { stroke: #3a424b; }
  }
`;

/** @param caption one line: model, machine, lengths */
export function renderChart({ levels }: ComparisonFigures, caption: string): string {
  const concurrencies = levels.map(({ concurrency }) => concurrency).toSorted((a, b) => a - b);
  const names = [...new Set(levels.flatMap(({ subjects }) => subjects.map(({ name }) => name)))];
  const panels = PANELS.map((panel, index) => {
    const series = names.map((name) => ({
      name,
      points: levels
        .flatMap(({ concurrency, subjects }): Point[] => {
          const figures = subjects.find((subject) => subject.name === name);
          const figure = figures === undefined ? null : panel.pick(figures);
          return figure === null ? [] : [{ concurrency, figure }];
        })
        .toSorted((a, b) => a.concurrency - b.concurrency),
    }));
    return renderPanel(panel, series, concurrencies, PLOT.firstLeft + index * PLOT.step);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escaped(caption)}</title>`,
    `<style>${STYLE}</style>`,
    `<text x="16" y="20">${escaped(caption)}</text>`,
    ...names.map(renderLegend),
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function renderLegend(name: string, subject: number): string {
  const x = 24 + subject * 220;
  return `${mark(subject, x, 40)}<text x="${x + 12}" y="44">${escaped(name)}</text>`;
}

function renderPanel(
  panel: Panel,
  series: readonly Series[],
  concurrencies: readonly number[],
  left: number,
): string {
  const greatest = series.flatMap(({ points }) => points.map(({ figure }) => figure.max));
  const ticks = ticksUpTo(Math.max(0, ...greatest));
  const frame = { left, valueMax: ticks[ticks.length - 1]!, concurrencies };
  return [
    `<text class="title" x="${left}" y="${PLOT.top - 14}">${escaped(panel.title)}, ${panel.unit}</text>`,
    ...ticks.map((tick) => renderTick(frame, tick)),
    ...concurrencies.map((concurrency) => renderConcurrency(frame, concurrency)),
    `<text x="${left + PLOT.width / 2}" y="${PLOT.top + PLOT.height + 40}" text-anchor="middle">streams at once</text>`,
    ...series.map(({ points }, subject) => renderSeries(frame, points, subject)),
  ].join('\n');
}

function renderTick(frame: Frame, tick: number): string {
  const y = yOf(frame, tick);
  const line = `<path class="${tick === 0 ? 'axis' : 'grid'}" d="M${frame.left} ${y}h${PLOT.width}"/>`;
  return `${line}<text x="${frame.left - 6}" y="${y + 4}" text-anchor="end">${tick.toLocaleString('en')}</text>`;
}

function renderConcurrency(frame: Frame, concurrency: number): string {
  const x = xOf(frame, concurrency);
  const bottom = PLOT.top + PLOT.height;
  return `<path class="axis" d="M${x} ${bottom}v5"/><text x="${x}" y="${bottom + 20}" text-anchor="middle">${concurrency}</text>`;
}

/** The medians joined, and from the least to the greatest of the repeats a bar. */
function renderSeries(frame: Frame, points: readonly Point[], subject: number): string {
  const colour = COLOURS[subject % COLOURS.length]!;
  const at = points.map(({ concurrency, figure }) => ({
    x: xOf(frame, concurrency),
    y: yOf(frame, figure.median),
    low: yOf(frame, figure.min),
    high: yOf(frame, figure.max),
  }));
  const line = at.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  const bars = at.map(({ x, low, high }) => `M${x} ${low}V${high}`).join('');
  return [
    `<path d="${line}" stroke="${colour}" stroke-width="2" fill="none"/>`,
    `<path d="${bars}" stroke="${colour}" stroke-width="1.5" fill="none"/>`,
    ...at.map(({ x, y }) => mark(subject, x, y)),
  ].join('\n');
}

/** A circle, a square, a triangle or a rhombus, so that colour is not needed to tell subjects apart. */
function mark(subject: number, x: number, y: number): string {
  const shapes = [
    `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
    `M${x - 4} ${y - 4}h8v8h-8z`,
    `M${x} ${y - 5}l5 9h-10z`,
    `M${x} ${y - 5}l5 5l-5 5l-5 -5z`,
  ] as const;
  return `<path d="${shapes[subject % shapes.length]}" fill="${COLOURS[subject % COLOURS.length]}"/>`;
}

/** Doublings are equally far apart. */
function xOf({ left, concurrencies }: Frame, concurrency: number): number {
  const first = Math.log2(concurrencies[0]!);
  const span = Math.log2(concurrencies[concurrencies.length - 1]!) - first;
  const share = span === 0 ? 0.5 : (Math.log2(concurrency) - first) / span;
  const margin = 14;
  return rounded(left + margin + share * (PLOT.width - 2 * margin));
}

function yOf({ valueMax }: Frame, value: number): number {
  return rounded(PLOT.top + PLOT.height * (1 - value / valueMax));
}

/** From 0 in four to eight equal steps of 1, 2 or 5 times a power of ten to a last one that is not below `max`. */
export function ticksUpTo(max: number): number[] {
  if (max <= 0) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(max / 4));
  const step = power * ([1, 2, 5].findLast((factor) => factor * power <= max / 4) ?? 1);
  const count = Math.ceil(max / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

const rounded = (pixels: number): number => Math.round(pixels * 10) / 10;

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
