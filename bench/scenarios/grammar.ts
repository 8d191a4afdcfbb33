/**
 * What holding an output to a JSON schema costs per token, as the ratio to the same
 * requests without one, in turns on one server. Runs as they are, HTTP included; the grammar is compiled once a round and
 * for each stream where each has a schema of its own.
 */

import { z } from 'zod';
import { bodyText, exchange, type Target } from '../http-exchange.ts';
import { countOption, repeatsOption, type ServerFlags, serverOptions } from '../options.ts';
import { type Bench, scenario } from '../scenario.ts';
import { overRepeats, ratioOverRepeats } from '../statistics.ts';
import { openServer } from '../subjects.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = ServerFlags & {
  readonly streams: number;
  readonly outputTokens: number;
  readonly repeats: number;
};

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
  readonly #flags: Flags;
  #seed = 0;

  constructor(target: Target, model: string, flags: Flags) {
    this.#target = target;
    this.#model = model;
    this.#flags = flags;
  }

  /** @returns milliseconds of all streams together for a token of each. */
  async timePerToken(fieldsOf: (stream: number) => object): Promise<number> {
    const { streams, outputTokens } = this.#flags;
    const startMs = performance.now();
    const counts = await Promise.all(
      Array.from({ length: streams }, (_, stream) => this.#request(fieldsOf(stream))),
    );
    const elapsedMs = performance.now() - startMs;
    if (counts.some((count) => count !== outputTokens))
      throw new Error(`an output has not its ${outputTokens} tokens: ${counts}`);
    return elapsedMs / outputTokens;
  }

  async #request(fields: object): Promise<number> {
    this.#seed++;
    const answer = await exchange(this.#target, '/v1/chat/completions', {
      model: this.#model,
      messages: [{ role: 'user', content: `Number ${this.#seed}: write a list.` }],
      max_tokens: this.#flags.outputTokens,
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
  repeatCount: number,
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
  for (let round = 0; round <= repeatCount; round++) {
    const isBackwards = round % 2 === 1;
    const first = isBackwards ? await held(round) : await free();
    const second = isBackwards ? await free() : await held(round);
    if (round === 0) continue;
    frees.push(isBackwards ? second : first);
    helds.push(isBackwards ? first : second);
  }
  return {
    sampling: sampling.name,
    grammars: variant.name,
    msPerTokenWithout: overRepeats(frees),
    ratio: ratioOverRepeats(helds, frees),
  };
}

async function compareAll(bench: Bench, runner: Runner, repeatCount: number) {
  const figures = [];
  for (const sampling of SAMPLINGS) {
    for (const variant of VARIANTS) {
      bench.progress(`${sampling.name}, ${variant.name}`);
      figures.push(await compare(runner, sampling, variant, repeatCount));
    }
  }
  return figures;
}

export const grammar = scenario<Flags>({
  name: 'grammar',
  summary: 'what holding an output to a JSON schema costs a token',
  options: [
    ...serverOptions(),
    countOption('streams', 'requests at a time', 8),
    countOption('output-tokens', 'of each output', 64),
    repeatsOption(5),
  ],
  run: async (flags, bench) => {
    const { chat } = await openServer(bench, flags);
    const figures = await compareAll(bench, new Runner(chat.target, chat.model, flags), flags.repeats);
    const text = renderTable(
      ['sampling', 'grammars', 'ms a token without (min..max)', 'with / without'],
      figures.map((each) => [
        each.sampling,
        each.grammars,
        rangeCell(each.msPerTokenWithout),
        ratioCell(each.ratio),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
