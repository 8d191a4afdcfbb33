/**
 * What draft tokens are worth: the bare engine's time per token where the client predicts the output, rightly, in part and
 * wrongly, as the ratio to the same requests without a prediction, in turns. What is predicted is what the same request gave
 * the time before, so that random weights will do, whose near ties fall otherwise over steps of another shape: how often real
 * text can be guessed is not measured here.
 */

import { Option } from 'commander';
import type { EngineClient } from '../../src/engine/engine-client.ts';
import { GREEDY } from '../../src/sampling/sampling-params.ts';
import { startBareEngine } from '../bare-engine.ts';
import { randomPrompt } from '../bare-load.ts';
import {
  countOption,
  type FormFlags,
  formOption,
  modelOption,
  positiveIntegers,
  repeatsOption,
  seedOption,
} from '../options.ts';
import { scenario } from '../scenario.ts';
import { overRepeats, ratioOverRepeats } from '../statistics.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = FormFlags & {
  readonly model?: string;
  readonly concurrency: readonly number[];
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly repeats: number;
  readonly seed: number;
};

/** What a client predicts where the output will be `output`; null: nothing. */
type Variant = { readonly name: string; readonly predict: ((output: Int32Array) => Int32Array) | null };

const otherToken = (tokenId: number): number => (tokenId === 0 ? 1 : tokenId - 1);

const VARIANTS: readonly Variant[] = [
  { name: 'none', predict: null },
  { name: 'all of it', predict: (output) => output },
  {
    name: 'one token in 8 other',
    predict: (output) => output.map((id, at) => (at % 8 === 7 ? otherToken(id) : id)),
  },
  {
    name: 'one token in 4 other',
    predict: (output) => output.map((id, at) => (at % 4 === 3 ? otherToken(id) : id)),
  },
  { name: 'all tokens other', predict: (output) => output.map(otherToken) },
];

class Runner {
  readonly #client: EngineClient;
  readonly #flags: Flags;

  constructor(client: EngineClient, flags: Flags) {
    this.#client = client;
    this.#flags = flags;
  }

  /** @returns the tokens of each stream, and milliseconds between the first token of all and the last. */
  async run(streams: number, predictions: readonly (Int32Array | null)[]) {
    const firstAtMs: number[] = [];
    const outputs = await Promise.all(
      Array.from({ length: streams }, (_, stream) =>
        this.#generate(stream, predictions[stream] ?? null, () => firstAtMs.push(performance.now())),
      ),
    );
    return { outputs, ms: performance.now() - Math.max(...firstAtMs) };
  }

  #generate(stream: number, predictedTokenIds: Int32Array | null, onFirst: () => void): Promise<Int32Array> {
    const { seed, promptTokens, outputTokens } = this.#flags;
    const { vocabularySize } = this.#client.limits;
    const tokenIds: number[] = [];
    return new Promise((resolve, reject) => {
      const feed = this.#client.generate(
        {
          promptTokenIds: randomPrompt(seed + stream, promptTokens, vocabularySize),
          // What random weights like best decides; draws would need whole rows, since they like nothing much.
          sampling: GREEDY,
          newTokensMax: outputTokens,
          newTokensMin: 0,
          stopTokenIds: [],
          grammar: null,
          predictedTokenIds,
          cacheSalt: '',
          priority: 0,
        },
        () => {
          try {
            for (let event = feed.take(); event !== null; event = feed.take()) {
              if (event.kind === 'finish') return resolve(Int32Array.from(tokenIds));
              if (tokenIds.length === 0) onFirst();
              tokenIds.push(...event.tokens.map(({ tokenId }) => tokenId));
            }
          } catch (error) {
            reject(error);
          }
        },
      );
    });
  }
}

/** Rounds in which the outputs of each variant become what they stay, and nothing is counted. */
const WARM_UP_ROUNDS = 3;

/** Every variant once a round, forwards and backwards by turns. */
async function compare(runner: Runner, streams: number, repeatCount: number) {
  const first = await runner.run(streams, []);
  const outputs = VARIANTS.map(() => first.outputs);
  const times = VARIANTS.map((): number[] => []);
  for (let round = 0; round < WARM_UP_ROUNDS + repeatCount; round++) {
    const order = [...VARIANTS.keys()];
    for (const index of round % 2 === 1 ? order.reverse() : order) {
      const { predict } = VARIANTS[index]!;
      const run = await runner.run(streams, predict === null ? [] : outputs[index]!.map(predict));
      outputs[index] = run.outputs;
      if (round >= WARM_UP_ROUNDS) times[index]!.push(run.ms);
    }
  }
  return VARIANTS.map(({ name }, index) => ({
    streams,
    predicted: name,
    msAll: overRepeats(times[index]!),
    ratio: ratioOverRepeats(times[0]!, times[index]!),
  }));
}

export const drafts = scenario<Flags>({
  name: 'drafts',
  summary: 'tokens/s of the bare engine where a client predicts its output, over the same without',
  options: [
    modelOption(),
    formOption(),
    new Option('--concurrency <list>', 'streams at once')
      .argParser(positiveIntegers)
      .default([1, 2, 4], '1,2,4'),
    countOption('prompt-tokens', 'of each prompt', 64),
    countOption('output-tokens', 'of each output', 128),
    repeatsOption(3),
    seedOption(),
  ],
  run: async (flags, bench) => {
    const options = { OCTAVO_SPECULATION: 'prediction', OCTAVO_QUANTIZATION: flags.quantization };
    const engine = await startBareEngine(flags.model, options);
    bench.atEnd(() => engine.close());
    const runner = new Runner(engine.client, flags);
    const figures = [];
    for (const streams of flags.concurrency) {
      bench.progress(`${streams} streams`);
      figures.push(...(await compare(runner, streams, flags.repeats)));
    }
    const text = renderTable(
      ['streams', 'predicted', 'first to last token, ms (min..max)', 'tokens/s over none'],
      figures.map((each) => [
        String(each.streams),
        each.predicted,
        rangeCell(each.msAll),
        ratioCell(each.ratio),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
