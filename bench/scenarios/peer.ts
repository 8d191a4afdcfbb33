/**
 * Octavo against another server: the same requests at the same concurrencies, in turns, one running at a time. The peer
 * runs already and is known by its URL alone; anything that streams chat completions will do.
 */

import { Option } from 'commander';
import { renderChart } from '../chart.ts';
import { compareSubjects, failureCountOf } from '../comparison.ts';
import {
  type FormsFlags,
  formsOption,
  type LaunchFlags,
  type LoadFlags,
  launchOf,
  launchOptions,
  loadOptions,
  urlOption,
} from '../options.ts';
import { renderComparison } from '../report.ts';
import { type Bench, scenario } from '../scenario.ts';
import { apiKeyOf, connect, launch, planOf, type ServerSubject, serverSubject } from '../subjects.ts';

type PeerFlags = LaunchFlags &
  LoadFlags &
  FormsFlags & { readonly peer: string; readonly peerName: string; readonly peerKey?: string };

const peerOptions = (): readonly Option[] => [
  urlOption('peer', 'the other server, http://host:port').makeOptionMandatory(),
  new Option('--peer-name <name>', 'what the tables call it').default('peer'),
  new Option('--peer-key <key>', 'sent to it as bearer token'),
];

/** Some servers close a connection after every streamed answer; then nobody's are kept. */
const KEEPS_ALIVE = false;

async function octavoSubject(bench: Bench, flags: PeerFlags, form: string): Promise<ServerSubject> {
  bench.progress(`starting Octavo, ${form}`);
  const server = await launch(bench, launchOf(flags, ['--quantization', form]));
  const chat = await connect(bench, server.url, { apiKey: apiKeyOf(undefined), keepsAlive: KEEPS_ALIVE });
  return serverSubject(`octavo ${form}`, chat, flags);
}

export const peer = scenario<PeerFlags>({
  name: 'peer',
  summary: 'Octavo against another server, given by --peer: ratios of throughput and of times',
  options: [
    ...peerOptions(),
    ...launchOptions(),
    formsOption('auto'),
    ...loadOptions({ concurrency: [1, 8, 32], tokens: 128, requestsPerStream: 2, repeats: 3 }),
  ],
  run: async (flags, bench) => {
    const subjects: ServerSubject[] = [];
    for (const form of flags.quantization) subjects.push(await octavoSubject(bench, flags, form));
    const connection = { apiKey: flags.peerKey ?? null, keepsAlive: KEEPS_ALIVE };
    const chat = await connect(bench, flags.peer, connection);
    subjects.push(await serverSubject(flags.peerName, chat, flags));
    const figures = await compareSubjects(planOf(flags), subjects, bench.progress);
    const lengths = subjects.map(({ name, promptTokenCount }) => `${name} ${promptTokenCount}`).join(', ');
    return {
      figures: {
        promptTokenCounts: subjects.map(({ promptTokenCount }) => promptTokenCount),
        ...figures,
      },
      text: `${renderComparison(figures)}\n\ntokens of a prompt: ${lengths}`,
      failureCount: failureCountOf(figures),
      chart: renderChart(figures, `${flags.promptTokens} tokens in, ${flags.outputTokens} out, streamed`),
    };
  },
});
