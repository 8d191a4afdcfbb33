import { describe, expect, it } from 'vitest';
import { renderChart, ticksUpTo } from '../../bench/chart.ts';
import type { ComparisonFigures, SubjectFigures } from '../../bench/comparison.ts';
import { overRepeats, type RepeatedFigure } from '../../bench/statistics.ts';

function aSubject(name: string, rates: readonly number[]): SubjectFigures {
  const figure = overRepeats(rates) as RepeatedFigure;
  const quantiles = { median: figure, p95: figure, p99: figure };
  return {
    name,
    outputTokensPerSecond: figure,
    requestsPerSecond: figure,
    firstTokenMs: quantiles,
    interTokenMs: quantiles,
    timePerOutputTokenMs: { ...quantiles, median: null },
    toFirstLevel: null,
    failureCount: 0,
    runs: [],
  };
}

const FIGURES: ComparisonFigures = {
  levels: [
    { concurrency: 8, subjects: [aSubject('a', [50, 60, 70]), aSubject('b < c', [80])], ratios: [] },
    { concurrency: 1, subjects: [aSubject('a', [10]), aSubject('b < c', [20])], ratios: [] },
  ],
};

/** x and y of the points of the first line in the picture. */
function firstLine(svg: string): number[][] {
  const path = /<path d="(M[^"]+)" stroke="[^"]+" stroke-width="2"/.exec(svg)![1]!;
  return path
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));
}

describe('renderChart', () => {
  const svg = renderChart(FIGURES, '2 cores & a caption');

  it('names axes with their units, levels and subjects, with markup escaped', () => {
    for (const text of [
      'tokens/s',
      'first token, median, ms',
      'streams at once',
      '>8<',
      'b &lt; c',
      '&amp; a',
    ]) {
      expect(svg).toContain(text);
    }
  });

  it('puts levels in order from left to right and larger values higher', () => {
    const [one, eight] = firstLine(svg);
    expect(one![0]).toBeLessThan(eight![0]!);
    expect(one![1]).toBeGreaterThan(eight![1]!);
  });

  it('draws values to scale', () => {
    // The vertical axis ends at 80, 180 pixels above 264; the line of `a` goes from 10 to 60.
    expect(firstLine(svg).map(([, y]) => y)).toEqual([264 - 180 * (10 / 80), 264 - 180 * (60 / 80)]);
  });

  it('follows the colour scheme of its reader and has no background', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).not.toContain('<rect');
  });

  it('draws a subject at the levels that it was measured at', () => {
    const [eight, one] = FIGURES.levels;
    const { subjects } = eight!;
    const some = { levels: [{ ...eight!, subjects: [subjects[0]!] }, one!] };
    const svg = renderChart(some, '');
    expect(firstLine(svg)).toHaveLength(2);
    expect(svg.match(/<path d="M[\d. ]+" stroke="#d55e00" stroke-width="2"/g)).toHaveLength(2);
  });

  it('draws nothing for a figure that was not measured', () => {
    expect(svg.split('stroke-width="2"').length - 1).toBe(6);
    expect(svg).toContain('<path d="" stroke="#0a84c6" stroke-width="2"');
    expect(svg).not.toContain('NaN');
  });
});

describe('ticksUpTo', () => {
  it.each([
    [80, [0, 20, 40, 60, 80]],
    [0.9, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [7300, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]],
    [3, [0, 0.5, 1, 1.5, 2, 2.5, 3]],
    [0, [0, 1]],
  ])('covers %d in round steps', (max, ticks) => {
    expect(ticksUpTo(max)).toEqual(ticks);
  });
});
