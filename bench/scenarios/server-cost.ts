/**
 * What HTTP, text and JSON cost: the server against the same engine fed with token ids, with the same options from the
 * environment, in turns.
 */

import { startBareEngine } from '../bare-engine.ts';
import { renderChart } from '../chart.ts';
import { compareSubjects, failureCountOf } from '../comparison.ts';
import {
  type FormFlags,
  formOption,
  type LaunchFlags,
  type LoadFlags,
  launchOf,
  launchOptions,
  loadOptions,
} from '../options.ts';
import { renderComparison } from '../report.ts';
import { type Bench, scenario } from '../scenario.ts';
import { apiKeyOf, connect, engineSubject, launch, planOf, serverSubject } from '../subjects.ts';

type Flags = LaunchFlags & LoadFlags & FormFlags;

async function compareBoth(bench: Bench, flags: Flags) {
  const { quantization: form } = flags;
  bench.progress(`starting the server and the bare engine, ${form}`);
  const server = await launch(bench, launchOf(flags, ['--quantization', form]));
  const chat = await connect(bench, server.url, { apiKey: apiKeyOf(undefined), keepsAlive: true });
  const subject = await serverSubject('server', chat, flags);
  const engine = await startBareEngine(flags.model, { OCTAVO_QUANTIZATION: form });
  bench.atEnd(() => engine.close());
  const reference = engineSubject('engine', engine.client, subject.promptTokenCount);
  return compareSubjects(planOf(flags), [subject, reference], bench.progress);
}

export const serverCost = scenario<Flags>({
  name: 'server-cost',
  summary: 'the server against its bare engine: what HTTP, text and JSON cost',
  options: [
    ...launchOptions(),
    formOption(),
    ...loadOptions({ concurrency: [32], tokens: 128, requestsPerStream: 2, repeats: 5 }),
  ],
  run: async (flags, bench) => {
    const figures = await compareBoth(bench, flags);
    return {
      figures,
      text: renderComparison(figures),
      failureCount: failureCountOf(figures),
      chart: renderChart(figures, `${flags.promptTokens} tokens in, ${flags.outputTokens} out`),
    };
  },
});
