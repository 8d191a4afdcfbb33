/**
 * Results of several runs of one comparison as one table and one chart: a machine that is quiet for two minutes at a time
 * measures one concurrency after the other. Measures nothing.
 */

import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import { renderChart } from '../chart.ts';
import { type ComparisonFigures, failureCountOf, mergeComparisons } from '../comparison.ts';
import { renderComparison } from '../report.ts';
import { scenario } from '../scenario.ts';

type Flags = { readonly results: readonly string[]; readonly caption: string; readonly chart?: string };

async function comparisonIn(file: string): Promise<ComparisonFigures> {
  const { figures } = JSON.parse(await readFile(file, 'utf8')) as { figures?: Partial<ComparisonFigures> };
  if (!Array.isArray(figures?.levels)) throw new Error(`${file} holds no comparison`);
  return { levels: figures.levels };
}

export const merge = scenario<Flags>({
  name: 'merge',
  summary: 'results of load, server-cost or peer put together; measures nothing',
  options: [
    new Option('--results <files>', 'JSON files, with commas between')
      .argParser((text: string) => text.split(','))
      .makeOptionMandatory(),
    new Option('--caption <text>', 'of the chart').default(''),
    new Option('--chart <file>', 'throughput and latency against concurrency, as SVG'),
  ],
  run: async (flags) => {
    const figures = mergeComparisons(await Promise.all(flags.results.map(comparisonIn)));
    return {
      figures,
      text: renderComparison(figures),
      failureCount: failureCountOf(figures),
      chart: renderChart(figures, flags.caption),
    };
  },
});
