/**
 * `npx tsx bench/grammar-cost.ts MODEL`: what holding an output to a JSON schema costs per token, as the ratio to the same
 * requests without one, in turns on one server. Runs as they are, HTTP included; the grammar is compiled once a round and
 * for each stream where each has a schema of its own.
 */

import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { firstModelOf } from './chat-client.ts';
import { bodyText, closeTarget, createTarget, exchange, type Target } from './http-exchange.ts';
import { startServer } from './server-process.ts';
import { quantile } from './statistics.ts';

type Options = { readonly streams: number; readonly tokens: number; readonly rounds: number };

/** How the requests of a run differ from those without a grammar. */
type Variant = { readonly name: string; readonly schemaOf: (round: number, stream: number) => object };

const SAMPLINGS = [
  { name: 'greedy', fields: { temperature: 0 } },
  { name: 'temperature 0.7, top_p 0.9', fields: { temperature: 0.7, top_p: 0.9 } },
  { name: 'temperature 1', fields: { temperature: 1 } },
] as const;

const VARIANTS: readonly Variant[] = [
  { name: 'one schema', schemaOf: () => listOfRecords('') },
  { name: 'a schema each', schemaOf: (round, stream) => listOfRecords(`_${round}_${stream}`) },
];

/** No list of so many records is ever finished, so every output has its full length. */
const RECORDS = 1000;

function listOfRecords(suffix: string): object {
  const record = {
    type: 'object',
    properties: {
      [`id${suffix}`]: { type: 'integer' },
      [`name${suffix}`]: { type: 'string', maxLength: 24 },
      [`kind${suffix}`]: { enum: ['small', 'medium', 'large'] },
      [`price${suffix}`]: { type: 'number', minimum: 0 },
      [`tags${suffix}`]: { type: 'array', items: { type: 'string', maxLength: 12 }, maxItems: 4 },
      [`note${suffix}`]: { anyOf: [{ type: 'string', pattern: '^[A-Z][a-z]{2,20}$' }, { type: 'null' }] },
    },
    additionalProperties: false,
  };
  const required = Object.keys(record.properties);
  return { type: 'array', items: { ...record, required }, minItems: RECORDS };
}

const answerSchema = z.looseObject({ usage: z.looseObject({ completion_tokens: z.number() }) });

class Runner {
  readonly #target: Target;
  readonly #model: string;
  readonly #options: Options;
  #seed = 0;

  constructor(target: Target, model: string, options: Options) {
    this.#target = target;
    this.#model = model;
    this.#options = options;
  }

  /** @returns milliseconds of all streams together for a token of each. */
  async timePerToken(fieldsOf: (stream: number) => object): Promise<number> {
    const { streams, tokens } = this.#options;
    const startMs = performance.now();
    const counts = await Promise.all(
      Array.from({ length: streams }, (_, stream) => this.#request(fieldsOf(stream))),
    );
    const elapsedMs = performance.now() - startMs;
    if (counts.some((count) => count !== tokens))
      throw new Error(`an output has not its ${tokens} tokens: ${counts}`);
    return elapsedMs / tokens;
  }

  async #request(fields: object): Promise<number> {
    this.#seed++;
    const answer = await exchange(this.#target, '/v1/chat/completions', {
      model: this.#model,
      messages: [{ role: 'user', content: `Number ${this.#seed}: write a list.` }],
      max_tokens: this.#options.tokens,
      ignore_eos: true,
      seed: this.#seed,
      ...fields,
    });
    if (answer.failure !== null || answer.status !== 200) {
      throw new Error(`a request failed: ${answer.failure ?? `HTTP ${answer.status} ${bodyText(answer)}`}`);
    }
    return answerSchema.parse(JSON.parse(bodyText(answer))).usage.completion_tokens;
  }
}

async function compare(
  runner: Runner,
  sampling: (typeof SAMPLINGS)[number],
  variant: Variant,
  rounds: number,
) {
  const free = () => runner.timePerToken(() => sampling.fields);
  const held = (round: number) =>
    runner.timePerToken((stream) => ({
      ...sampling.fields,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'list', schema: variant.schemaOf(round, stream) },
      },
    }));
  const frees: number[] = [];
  const helds: number[] = [];
  // The first round warms both up; every other one runs backwards.
  for (let round = 0; round <= rounds; round++) {
    const isBackwards = round % 2 === 1;
    const first = isBackwards ? await held(round) : await free();
    const second = isBackwards ? await free() : await held(round);
    if (round === 0) continue;
    frees.push(isBackwards ? second : first);
    helds.push(isBackwards ? first : second);
  }
  return { frees, ratios: helds.map((time, index) => time / frees[index]!) };
}

async function main(model: string, options: Options): Promise<void> {
  const server = await startServer({
    command: [process.execPath, 'dist/cli.js', 'serve'],
    serverArguments: ['--model', model, '--max-model-len', '1024'],
  });
  const target = createTarget(server.url, null);
  try {
    const runner = new Runner(target, await firstModelOf(target), options);
    process.stdout.write(
      '| sampling | grammars | ms a token without | with / without |\n|---|---|---|---|\n',
    );
    for (const sampling of SAMPLINGS) {
      for (const variant of VARIANTS) {
        const { frees, ratios } = await compare(runner, sampling, variant, options.rounds);
        const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
        const figures = `${median(frees).toFixed(1)} | ${median(ratios).toFixed(2)} (${range})`;
        process.stdout.write(`| ${sampling.name} | ${variant.name} | ${figures} |\n`);
      }
    }
  } finally {
    closeTarget(target);
    await server.stop();
  }
}

const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

const count = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number above 0.');
};

await new Command('grammar-cost')
  .argument('<model>', 'directory of a checkpoint')
  .option('--streams <count>', 'requests at a time', count, 8)
  .option('--tokens <count>', 'of each output', count, 64)
  .option('--rounds <count>', 'of each comparison, after one that warms up', count, 5)
  .action((model: string, options: Options) => main(model, options))
  .parseAsync();
