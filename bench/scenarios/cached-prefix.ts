/** The time to the first token with a long beginning that is in the prefix cache, against one that is not. */

import { Option } from 'commander';
import { measureTokenCost, modelLengthMaxOf } from '../chat-client.ts';
import { countOption, positiveInteger, type ServerFlags, seedOption, serverOptions } from '../options.ts';
import { scenario } from '../scenario.ts';
import { measureSharedPrefix, type SharedPrefixFigures } from '../shared-prefix.ts';
import { openServer } from '../subjects.ts';
import { cell, rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = ServerFlags & {
  readonly prefixTokens?: number;
  readonly repeats: number;
  readonly seed: number;
};

const PREFIX_TOKENS = 2000;
/** Template, ending and answer, and that lengths in words are estimates. */
const LENGTH_KEPT = 0.85;

function render(figures: SharedPrefixFigures): string {
  const header = ['prefix', 'prompt tokens', 'cached tokens', 'first token ms (min..max)'];
  const rows = [
    ['cold', figures.coldCachedTokenCount, figures.coldFirstTokenMs],
    ['warm', figures.warmCachedTokenCount, figures.warmFirstTokenMs],
  ] as const;
  const table = renderTable(
    header,
    rows.map(([name, cached, firstToken]) => [
      name,
      cell(figures.promptTokenCount),
      cell(cached),
      rangeCell(firstToken),
    ]),
  );
  return `${table}\n\ncold over warm, pair by pair: ${ratioCell(figures.ratio)}`;
}

export const cachedPrefix = scenario<Flags>({
  name: 'cached-prefix',
  summary: 'first token behind a long beginning, in the prefix cache and not',
  options: [
    ...serverOptions(),
    new Option(
      '--prefix-tokens <n>',
      `of the shared beginning (default: ${PREFIX_TOKENS}, or what the model has room for)`,
    ).argParser(positiveInteger),
    countOption('repeats', 'pairs of a cold and a warm request', 7),
    seedOption(),
  ],
  run: async (flags, bench) => {
    const { chat } = await openServer(bench, flags);
    const cost = await measureTokenCost(chat);
    const room = Math.floor(
      LENGTH_KEPT * ((await modelLengthMaxOf(chat.target)) ?? Number.POSITIVE_INFINITY),
    );
    const prefixTokenCount = flags.prefixTokens ?? Math.min(PREFIX_TOKENS, room);
    bench.progress(`${flags.repeats} pairs with a beginning of ${prefixTokenCount} tokens`);
    const figures = await measureSharedPrefix(chat, {
      prefixTokenCount,
      pairCount: flags.repeats,
      cost,
      firstSeed: flags.seed,
    });
    return { figures, text: render(figures), failureCount: 0 };
  },
});
