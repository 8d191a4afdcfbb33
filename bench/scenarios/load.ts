/** Streams on one server at several concurrencies: what it delivers, and how it grows. */

import { renderChart } from '../chart.ts';
import { compareSubjects, failureCountOf } from '../comparison.ts';
import { type LoadFlags, loadOptions, type ServerFlags, serverOptions } from '../options.ts';
import { renderComparison, renderStart } from '../report.ts';
import { scenario } from '../scenario.ts';
import { openServer, planOf, serverSubject } from '../subjects.ts';

export const load = scenario<ServerFlags & LoadFlags>({
  name: 'load',
  summary: 'streams on a server: throughput and latency at each concurrency',
  options: [
    ...serverOptions(),
    ...loadOptions({ concurrency: [1, 4, 16], tokens: 64, requestsPerStream: 4, repeats: 3 }),
  ],
  run: async (flags, bench) => {
    const { chat, start } = await openServer(bench, flags);
    const subjects = [await serverSubject('server', chat, flags)];
    const figures = await compareSubjects(planOf(flags), subjects, bench.progress);
    const table = renderComparison(figures);
    return {
      figures: { start, ...figures },
      text: start === null ? table : `${renderStart(start)}\n\n${table}`,
      failureCount: failureCountOf(figures),
      chart: renderChart(
        figures,
        `${chat.model}, ${flags.promptTokens} tokens in, ${flags.outputTokens} out`,
      ),
    };
  },
});
