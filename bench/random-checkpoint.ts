/**
 * `npx tsx bench/random-checkpoint.ts DIRECTORY`: makes a checkpoint of a given shape with random bfloat16 weights, a
 * tokenizer of its vocabulary's size and everything else that a server reads. For measuring speed, which does not
 * depend on what the weights are. The same seed makes the same bytes.
 */

import { mkdir, open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { randomAt } from '../src/base/random.ts';
import { randomVocabulary, tokenizerFiles } from './random-vocabulary.ts';

type Shape = {
  readonly layers: number;
  readonly hidden: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** Rows of the embedding; the tokenizer has a few less, as trained ones do. */
  readonly vocabulary: number;
  /** Tokens of the tokenizer, special ones aside. */
  readonly tokens: number;
  readonly positions: number;
};

const SHAPES = {
  'qwen2.5-0.5b': {
    layers: 24,
    hidden: 896,
    feedForward: 4864,
    heads: 14,
    kvHeads: 2,
    headSize: 64,
    vocabulary: 151_936,
    tokens: 151_643,
    positions: 32_768,
  },
  'qwen2.5-1.5b': {
    layers: 28,
    hidden: 1536,
    feedForward: 8960,
    heads: 12,
    kvHeads: 2,
    headSize: 128,
    vocabulary: 151_936,
    tokens: 151_643,
    positions: 32_768,
  },
  'qwen2.5-3b': {
    layers: 36,
    hidden: 2048,
    feedForward: 11_008,
    heads: 16,
    kvHeads: 2,
    headSize: 128,
    vocabulary: 151_936,
    tokens: 151_643,
    positions: 32_768,
  },
  // With tied embeddings, unlike the original: 0.5 billion parameters fewer.
  'qwen2.5-7b': {
    layers: 28,
    hidden: 3584,
    feedForward: 18_944,
    heads: 28,
    kvHeads: 4,
    headSize: 128,
    vocabulary: 152_064,
    tokens: 151_643,
    positions: 32_768,
  },
  tiny: {
    layers: 4,
    hidden: 256,
    feedForward: 1024,
    heads: 4,
    kvHeads: 2,
    headSize: 64,
    vocabulary: 4096,
    tokens: 4000,
    positions: 4096,
  },
  /** Little to compute before a large vocabulary: what choosing tokens costs shows most. */
  'small-150k': {
    layers: 4,
    hidden: 256,
    feedForward: 1024,
    heads: 4,
    kvHeads: 2,
    headSize: 64,
    vocabulary: 151_936,
    tokens: 151_643,
    positions: 4096,
  },
} as const satisfies Record<string, Shape>;

const SPECIAL_TOKENS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'] as const;
/** Standard deviation of the weights: `initializer_range` of the Qwen 2 family. */
const WEIGHT_DEVIATION = 0.02;
/** Units of 16 bits that are made at a time. */
const CHUNK_VALUES = 4 * 1024 * 1024;

/** How tensors are made of units of 16 bits: drawn from the normal distribution, as bits, or all the same. */
const KINDS = {
  random: { dtype: 'BF16', units: 1 },
  one: { dtype: 'BF16', units: 1, value: 0x3f80 },
  words: { dtype: 'I32', units: 2 },
  /** Zero points of 8 as version 1 of GPTQ's form stores them, and with them scales of about the deviation above. */
  zeros: { dtype: 'I32', units: 2, value: 0x7777 },
  scales: { dtype: 'F16', units: 1, value: 0x1c67 },
} as const;

type TensorPlan = {
  readonly name: string;
  readonly dims: readonly number[];
  readonly kind: keyof typeof KINDS;
};

/** The matrix as GPTQ stores it in 4 bits. */
function packed({ name, dims }: TensorPlan, groupSize: number): readonly TensorPlan[] {
  const [outputs, inputs] = dims as [number, number];
  const module = name.slice(0, -'.weight'.length);
  const groups = Math.ceil(inputs / groupSize);
  return [
    { name: `${module}.qweight`, dims: [inputs / 8, outputs], kind: 'words' },
    { name: `${module}.qzeros`, dims: [groups, outputs / 8], kind: 'zeros' },
    { name: `${module}.scales`, dims: [groups, outputs], kind: 'scales' },
  ];
}

/** @param groupSize of matrices in 4 bits; `null`: all is bfloat16 */
function tensorPlans(shape: Shape, groupSize: number | null): readonly TensorPlan[] {
  const plans = floatPlans(shape);
  if (groupSize === null) return plans;
  return plans.flatMap((plan) => (plan.name.endsWith('_proj.weight') ? packed(plan, groupSize) : [plan]));
}

function floatPlans(shape: Shape): readonly TensorPlan[] {
  const { hidden, feedForward } = shape;
  const queries = shape.heads * shape.headSize;
  const keys = shape.kvHeads * shape.headSize;
  const layer = (index: number): TensorPlan[] => {
    const random = (name: string, dims: readonly number[]): TensorPlan => {
      return { name: `model.layers.${index}.${name}`, dims, kind: 'random' };
    };
    const norm = (name: string): TensorPlan => {
      return { name: `model.layers.${index}.${name}.weight`, dims: [hidden], kind: 'one' };
    };
    const widths = [
      ['q', queries],
      ['k', keys],
      ['v', keys],
    ] as const;
    return [
      norm('input_layernorm'),
      ...widths.flatMap(([letter, size]) => [
        random(`self_attn.${letter}_proj.weight`, [size, hidden]),
        random(`self_attn.${letter}_proj.bias`, [size]),
      ]),
      random('self_attn.o_proj.weight', [hidden, queries]),
      norm('post_attention_layernorm'),
      random('mlp.gate_proj.weight', [feedForward, hidden]),
      random('mlp.up_proj.weight', [feedForward, hidden]),
      random('mlp.down_proj.weight', [hidden, feedForward]),
    ];
  };
  return [
    { name: 'model.embed_tokens.weight', dims: [shape.vocabulary, hidden], kind: 'random' },
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
    { name: 'model.norm.weight', dims: [hidden], kind: 'one' },
  ];
}

/** The normal distribution's bfloat16 values at 65,536 quantiles: a random index into it is a draw. */
function normalTable(): Uint16Array {
  const table = new Uint16Array(65_536);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  for (let index = 0; index < table.length; index++) {
    // Box and Muller (1958); the pairs of draws cover the square evenly enough.
    const radius = Math.sqrt(-2 * Math.log(1 - randomAt(1, index)));
    float[0] = WEIGHT_DEVIATION * radius * Math.cos(2 * Math.PI * randomAt(2, index));
    table[index] = (bits[0]! + 0x8000) >>> 16;
  }
  return table;
}

/** Fills `values` with draws and returns the generator's next state (xorshift32, Marsaglia 2003). */
function fillRandom(values: Uint16Array, table: Uint16Array, state: number): number {
  let x = state;
  for (let index = 0; index < values.length; index++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    values[index] = table[x >>> 16]!;
  }
  return x;
}

async function writeWeights(file: string, plans: readonly TensorPlan[], seed: number): Promise<number> {
  let end = 0;
  const header = Object.fromEntries(
    plans.map(({ name, dims, kind }) => {
      const start = end;
      const { dtype, units } = KINDS[kind];
      end += dims.reduce((product, size) => product * size, Uint16Array.BYTES_PER_ELEMENT * units);
      return [name, { dtype, shape: dims, data_offsets: [start, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...header }));
  const padded = Buffer.concat([text, Buffer.alloc(-text.length & 7, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const output = await open(file, 'w');
  try {
    await output.write(Buffer.concat([length, padded]));
    const table = normalTable();
    const bits = Uint16Array.from({ length: 65_536 }, (_, value) => value);
    let state = Math.floor(randomAt(seed, 0) * 0x7fffffff) + 1;
    for (const { dims, kind } of plans) {
      const made: { readonly units: number; readonly value?: number } = KINDS[kind];
      const count = dims.reduce((product, size) => product * size, made.units);
      for (let done = 0; done < count; done += CHUNK_VALUES) {
        const values = new Uint16Array(Math.min(CHUNK_VALUES, count - done));
        if (made.value !== undefined) values.fill(made.value);
        else state = fillRandom(values, kind === 'words' ? bits : table, state);
        await output.write(new Uint8Array(values.buffer));
      }
    }
  } finally {
    await output.close();
  }
  return end;
}

function modelConfig(shape: Shape, groupSize: number | null = null) {
  const endOfText = shape.tokens;
  const gptq = { quant_method: 'gptq', bits: 4, group_size: groupSize, sym: true, desc_act: false };
  return {
    ...(groupSize === null ? {} : { quantization_config: gptq }),
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    attention_dropout: 0,
    bos_token_id: endOfText,
    eos_token_id: endOfText + 2,
    head_dim: shape.headSize,
    hidden_act: 'silu',
    hidden_size: shape.hidden,
    initializer_range: WEIGHT_DEVIATION,
    intermediate_size: shape.feedForward,
    max_position_embeddings: shape.positions,
    num_attention_heads: shape.heads,
    num_hidden_layers: shape.layers,
    num_key_value_heads: shape.kvHeads,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    use_cache: true,
    use_sliding_window: false,
    vocab_size: shape.vocabulary,
  };
}

type Flags = { readonly shape: keyof typeof SHAPES; readonly seed: number; readonly gptq?: number };

async function main(): Promise<void> {
  const seedOf = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0)
      throw new InvalidArgumentError('must be a whole number from 0 up');
    return value;
  };
  const groupSizeOf = (text: string): number => {
    if (!['32', '64', '128'].includes(text)) throw new InvalidArgumentError('must be 32, 64 or 128');
    return Number(text);
  };
  const command = new Command('random-checkpoint')
    .description('Makes a checkpoint with random weights.')
    .argument('<directory>', 'made if need be; files of an earlier run are overwritten')
    .addOption(new Option('--shape <name>').choices(Object.keys(SHAPES)).default('qwen2.5-0.5b'))
    .option('--seed <n>', 'decides weights and vocabulary', seedOf, 1)
    .option(
      '--gptq <group size>',
      'matrices in 4 bits, as GPTQ packs them: groups of 32, 64 or 128',
      groupSizeOf,
    )
    .parse();
  const { shape: name, seed, gptq = null } = command.opts<Flags>();
  const directory = command.args[0]!;
  const shape = SHAPES[name];
  await mkdir(directory, { recursive: true });
  const write = (file: string, json: unknown) =>
    writeFile(path.join(directory, file), `${JSON.stringify(json)}\n`);
  const { tokenizer, tokenizerConfig } = tokenizerFiles(randomVocabulary(shape.tokens, seed), SPECIAL_TOKENS);
  await write('tokenizer.json', tokenizer);
  await write('tokenizer_config.json', tokenizerConfig);
  await write('config.json', modelConfig(shape, gptq));
  const { bos_token_id, eos_token_id } = modelConfig(shape);
  await write('generation_config.json', { bos_token_id, eos_token_id: [eos_token_id, bos_token_id] });
  const bytes = await writeWeights(path.join(directory, 'model.safetensors'), tensorPlans(shape, gptq), seed);
  console.log(`${directory}: ${name}, ${(bytes / 2 ** 20).toFixed(0)} MiB of weights, seed ${seed}`);
}

await main();
