import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { buildGatheredModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { parseCheckpointConfig } from '../../src/graph/checkpoint-config.ts';
import { openSafetensors } from '../../src/graph/safetensors.ts';
import { type ScratchCheckpoint, safetensorsFile, scratchCheckpoint } from '../support/checkpoint-files.ts';

const GEOMETRY = { cache: { blockCount: 4, blockSize: 4 }, positionCount: 16 };

let checkpoint: ScratchCheckpoint;

async function build() {
  const shape = await readDecoderShape(checkpoint.directory);
  return buildGatheredModel(checkpoint.directory, shape, {
    ...GEOMETRY,
    cacheDirectory: checkpoint.cacheDirectory,
  });
}

async function refusal(): Promise<string> {
  const error = await build().then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
}

describe('a checkpoint that cannot be served is refused in one line:', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint('llama-tied-f32');
  });
  afterEach(() => checkpoint.remove());

  it('an architecture that is not supported, with those that are', async () => {
    await checkpoint.editConfig({ architectures: ['GPT2LMHeadModel'] });
    expect(await refusal()).toMatch(/"GPT2LMHeadModel".*LlamaForCausalLM, Mistral.*Qwen2.*Qwen3/);
  });

  it('an architecture that is not supported, whatever fields its config.json has', async () => {
    const text_config = { vocab_size: 131_072, hidden_act: 'gelu' };
    const fields = { vocab_size: undefined, hidden_size: undefined, hidden_act: 'gelu', text_config };
    await checkpoint.editConfig({ architectures: ['Mistral3ForConditionalGeneration'], ...fields });
    expect(await refusal()).toMatch(
      /"Mistral3ForConditionalGeneration" is not supported; .*Qwen3ForCausalLM/,
    );
  });

  it('a rope type that is not supported, with those that are', async () => {
    await checkpoint.editConfig({ rope_parameters: { rope_type: 'longrope', factor: 2 } });
    expect(await refusal()).toMatch(/"longrope".*default, linear, llama3, yarn/);
  });

  it('a rope type that is not supported by its name, whatever lists belong to it', async () => {
    await checkpoint.editConfig({ rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [2] } });
    expect(await refusal()).toMatch(/"longrope".*default, linear, llama3, yarn/);
  });

  it('a rope type without the numbers that it needs', async () => {
    await checkpoint.editConfig({ rope_parameters: { rope_type: 'linear' } });
    expect(await refusal()).toMatch(/"linear" needs "factor"/);
  });

  it('rope parameters by layer type', async () => {
    const full_attention = { rope_type: 'default', rope_theta: 1e6 };
    await checkpoint.editConfig({ rope_parameters: { full_attention } });
    expect(await refusal()).toMatch(/rope_parameters: parameters by layer type/);
  });

  it('an activation that is not supported', async () => {
    await checkpoint.editConfig({ hidden_act: 'gelu' });
    expect(await refusal()).toMatch(/hidden_act: "gelu".*"silu"/);
  });

  it('a way of quantising that is not supported, with those that are', async () => {
    await checkpoint.editConfig({ quantization_config: { quant_method: 'bitsandbytes' } });
    expect(await refusal()).toMatch(/quant_method "bitsandbytes".*"gptq", "awq"/);
  });

  it('one that says that it is quantised, and is not', async () => {
    const config = { quant_method: 'gptq', bits: 4, group_size: 128 };
    await checkpoint.editConfig({ quantization_config: config });
    expect(await refusal()).toMatch(/no matrix of the checkpoint is packed/);
  });

  it('a field of the wrong type, by its name', async () => {
    await checkpoint.editConfig({ hidden_size: '64' });
    expect(await refusal()).toMatch(/config\.json: hidden_size: .*number/);
  });

  it('a config.json that is no object', () => {
    expect(() => parseCheckpointConfig([])).toThrow(/^config\.json: Invalid input: expected object/);
  });

  it.each([
    ['num_hidden_layers', 5e9, 4096],
    ['max_position_embeddings', 1e15, 16_777_216],
    ['rope_theta', 1e300, 1e12],
    ['rms_norm_eps', 1e39, 1],
  ])('a %s of %d, with what it may be', async (field, value, most) => {
    await checkpoint.editConfig({ [field]: value });
    expect(await refusal()).toMatch(new RegExp(`^config\\.json: ${field}: .*<=${most}$`));
  });

  it.each([
    ['factor', 1e-300],
    ['factor', 1e30],
    ['attention_factor', 1e39],
    ['attention_factor', 0],
    ['mscale', 1e39],
    ['beta_fast', -1],
  ])('a %s of rotary embeddings of %d, with what it may be', async (field, value) => {
    const rope = { rope_type: 'yarn', factor: 2, rope_theta: 10_000, [field]: value };
    await checkpoint.editConfig({ rope_parameters: rope });
    expect(await refusal()).toMatch(
      new RegExp(`^config\\.json: rope_parameters\\.${field}: Too (small|big)`),
    );
  });

  it('positions that YaRN stretches to more than there can be', async () => {
    await checkpoint.editConfig({
      rope_parameters: { rope_type: 'yarn', factor: 60_000, original_max_position_embeddings: 32_768 },
    });
    expect(await refusal()).toMatch(/stretches \d+ positions to 1966080000; up to 16777216 are supported/);
  });

  it('heads that do not divide', async () => {
    await checkpoint.editConfig({ num_key_value_heads: 5 });
    expect(await refusal()).toMatch(/6 attention heads.*5 key-value heads/);
  });

  it('a missing config.json', async () => {
    await rm(path.join(checkpoint.directory, 'config.json'));
    expect(await refusal()).toMatch(/config\.json: cannot be read \(ENOENT\)/);
  });

  it('broken JSON', async () => {
    await writeFile(path.join(checkpoint.directory, 'config.json'), '{"architectures": [');
    expect(await refusal()).toMatch(/config\.json: holds broken JSON/);
  });

  it('missing weights', async () => {
    await rm(path.join(checkpoint.directory, 'model.safetensors'));
    expect(await refusal()).toMatch(/holds neither model\.safetensors nor model\.safetensors\.index\.json/);
  });

  it('weights cut short', async () => {
    await truncate(path.join(checkpoint.directory, 'model.safetensors'), 20_000);
    expect(await refusal()).toMatch(/cut short: tensor ".*" ends at byte \d+, the file has 20000/);
  });

  it('weights cut short inside the header', async () => {
    await truncate(path.join(checkpoint.directory, 'model.safetensors'), 100);
    expect(await refusal()).toMatch(/cut short inside its header/);
  });

  it('a file that is not safetensors', async () => {
    await writeFile(path.join(checkpoint.directory, 'model.safetensors'), 'neither header nor weights');
    expect(await refusal()).toMatch(/is not a safetensors file/);
  });

  it('weights that a clone without Git LFS has pointers of, by what fetches them', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 4\n';
    await writeFile(path.join(checkpoint.directory, 'model.safetensors'), pointer);
    expect(await refusal()).toMatch(/model\.safetensors: is a pointer of Git LFS.*git lfs pull/);
  });

  it.each(['null', '[]', '5', '{"w": null}'])('a file of weights whose header is %s', async (header) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const file = Buffer.concat([length, Buffer.from(header)]);
    await writeFile(path.join(checkpoint.directory, 'model.safetensors'), file);
    expect(await refusal()).toMatch(/is not a safetensors file \(bad header\)/);
  });

  it('a tensor type that is not supported, with those that are', async () => {
    const file = safetensorsFile({ w: { dtype: 'F8_E4M3', shape: [4], bytes: new Uint8Array(4) } });
    await writeFile(path.join(checkpoint.directory, 'model.safetensors'), file);
    expect(await refusal()).toMatch(/tensor "w" has type F8_E4M3; supported are F32, F16, BF16/);
  });

  it('a tensor that is not there', async () => {
    await checkpoint.editConfig({ tie_word_embeddings: false });
    expect(await refusal()).toMatch(/no tensor "lm_head\.weight"/);
  });

  it('a tensor of another shape than config.json says', async () => {
    await checkpoint.editConfig({ intermediate_size: 48 });
    expect(await refusal()).toMatch(
      /"model\.layers\.0\.mlp\.\w+_proj\.weight" has shape \[.*\] where .* asks for \[/,
    );
  });
});

describe('a checkpoint whose config.json has null for what it does not say', () => {
  it('is read as one that leaves it out', async () => {
    checkpoint = await scratchCheckpoint('llama-tied-f32');
    const optional = {
      num_key_value_heads: undefined,
      head_dim: undefined,
      attention_bias: undefined,
      mlp_bias: undefined,
      max_window_layers: undefined,
      use_sliding_window: undefined,
      rope_scaling: undefined,
    };
    await checkpoint.editConfig(optional);
    const left = await readDecoderShape(checkpoint.directory);
    await checkpoint.editConfig(Object.fromEntries(Object.keys(optional).map((key) => [key, null])));
    expect(await readDecoderShape(checkpoint.directory)).toEqual(left);
    await checkpoint.remove();
  });

  it.each([
    ['MistralForCausalLM', {}],
    ['Qwen2ForCausalLM', { use_sliding_window: true, max_window_layers: 0 }],
  ])(
    'has no sliding window where %s sets it to null, and the usual one where it does not say',
    async (family, own) => {
      checkpoint = await scratchCheckpoint('llama-tied-f32');
      const windows = async (sliding_window: null | undefined): Promise<readonly (number | null)[]> => {
        await checkpoint.editConfig({ architectures: [family], ...own, sliding_window });
        return (await readDecoderShape(checkpoint.directory)).slidingWindows;
      };
      expect([...new Set(await windows(null))]).toEqual([null]);
      expect([...new Set(await windows(undefined))]).toEqual([4096]);
      await checkpoint.remove();
    },
  );
});

describe('a checkpoint that YaRN stretches', () => {
  it('has the stretched positions, as Qwen 2.5 is told to be configured for long contexts', async () => {
    checkpoint = await scratchCheckpoint('llama-tied-f32');
    await checkpoint.editConfig({
      max_position_embeddings: 32_768,
      rope_parameters: undefined,
      rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32_768 },
    });
    expect((await readDecoderShape(checkpoint.directory)).positionsMax).toBe(131_072);
    await checkpoint.remove();
  });
});

describe('a checkpoint with both rope_scaling and rope_parameters', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint('llama-tied-f32');
  });
  afterEach(() => checkpoint.remove());

  const rope_parameters = { rope_type: 'linear', factor: 2, rope_theta: 5000 };

  // The values are those of transformers' convert_rope_params_to_dict.
  it.each<[object, object, number]>([
    [{ rope_scaling: { type: 'linear', factor: 4 } }, { kind: 'linear', factor: 4 }, 10_000],
    [{ rope_scaling: { type: 'linear', factor: 4 }, rope_theta: 7000 }, { kind: 'linear', factor: 4 }, 7000],
    [
      { rope_scaling: { type: 'linear', factor: 4, rope_theta: 600 }, rope_theta: 7000 },
      { kind: 'linear', factor: 4 },
      600,
    ],
    [{ rope_scaling: {}, rope_theta: 7000 }, { kind: 'linear', factor: 2 }, 5000],
    [{ rope_scaling: null, rope_theta: 7000 }, { kind: 'linear', factor: 2 }, 5000],
  ])('takes what rope_scaling says, if it says anything: %j', async (fields, ropeScaling, ropeTheta) => {
    await checkpoint.editConfig({ rope_parameters, ...fields });
    expect(await readDecoderShape(checkpoint.directory)).toMatchObject({ ropeScaling, ropeTheta });
  });

  it('is refused for parameters by layer type in either', async () => {
    await checkpoint.editConfig({ rope_scaling: { full_attention: { rope_type: 'default' } } });
    await expect(readDecoderShape(checkpoint.directory)).rejects.toThrow(/parameters by layer type/);
  });
});

describe('the positions that a checkpoint was trained for', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint('llama-tied-f32');
  });
  afterEach(() => checkpoint.remove());

  // The values are those of transformers' standardize_rope_params.
  it.each([
    ['yarn', { factor: 4 }],
    ['yarn', { factor: 4, original_max_position_embeddings: 8192 }],
    ['llama3', { factor: 4, low_freq_factor: 1, high_freq_factor: 4 }],
    [
      'llama3',
      { factor: 4, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 },
    ],
  ])('are those that stand beside the other fields, before those of %s %j', async (rope_type, numbers) => {
    await checkpoint.editConfig({
      max_position_embeddings: 16_384,
      original_max_position_embeddings: 4096,
      rope_parameters: { rope_type, ...numbers },
    });
    const shape = await readDecoderShape(checkpoint.directory);
    expect(shape.ropeScaling).toMatchObject({ kind: rope_type, originalPositionsMax: 4096 });
    expect(shape.positionsMax).toBe(16_384);
  });
});

describe('weights', () => {
  beforeEach(async () => {
    checkpoint = await scratchCheckpoint('llama-untied-bf16');
  });
  afterEach(() => checkpoint.remove());

  it('in float32 are used where they lie', async () => {
    const plain = await scratchCheckpoint('llama-tied-f32');
    const shape = await readDecoderShape(plain.directory);
    const model = await buildGatheredModel(plain.directory, shape, {
      ...GEOMETRY,
      cacheDirectory: plain.cacheDirectory,
    });
    expect(model.weightsFolder).toBe(plain.directory);
    await expect(stat(plain.cacheDirectory)).rejects.toThrow('ENOENT');
    await plain.remove();
  });

  it('are those of the one file where an index lies beside it, as one that was left from shards', async () => {
    const plain = await scratchCheckpoint('llama-tied-f32');
    const index = { weight_map: { 'model.norm.weight': 'model-00001-of-00002.safetensors' } };
    await writeFile(path.join(plain.directory, 'model.safetensors.index.json'), JSON.stringify(index));
    expect((await openSafetensors(plain.directory)).get('model.norm.weight')?.file).toBe('model.safetensors');
    await plain.remove();
  });

  it('in float32 are used where a link leads, as in the cache of the Hugging Face hub', async () => {
    const plain = await scratchCheckpoint('llama-tied-f32');
    const blobs = path.join(plain.directory, '../blobs');
    await mkdir(blobs);
    const weights = path.join(plain.directory, 'model.safetensors');
    await rename(weights, path.join(blobs, 'abc123'));
    await symlink('../blobs/abc123', weights);
    const shape = await readDecoderShape(plain.directory);
    const limits = { blockCount: 4, blockSize: 4, modelLengthMax: 16, vocabularySize: shape.vocabularySize };
    const options = { ...GEOMETRY, cacheDirectory: plain.cacheDirectory };
    const model = await buildGatheredModel(plain.directory, shape, options);
    const runner = await OnnxModelRunner.create({
      ...model,
      shape,
      limits,
      threadCount: 1,
      placement: { device: 'cpu' },
    });
    await runner.close();
    await plain.remove();
  });

  it('in 16 bits are converted once', async () => {
    await build();
    const [file] = await readdir(checkpoint.cacheDirectory);
    const cached = path.join(checkpoint.cacheDirectory, file!);
    await utimes(cached, 1, 1);
    await build();
    expect(await readdir(checkpoint.cacheDirectory)).toEqual([file]);
    expect((await stat(cached)).mtimeMs).toBe(1000);
  });

  it('are converted again when the checkpoint has changed', async () => {
    await build();
    await utimes(path.join(checkpoint.directory, 'model.safetensors'), 1, 1);
    await build();
    expect((await readdir(checkpoint.cacheDirectory)).length).toBe(2);
  });

  it('are converted again over a cache file that is not whole', async () => {
    await build();
    const cached = path.join(checkpoint.cacheDirectory, (await readdir(checkpoint.cacheDirectory))[0]!);
    const whole = await readFile(cached);
    await truncate(cached, 64);
    await build();
    expect((await readFile(cached)).equals(whole)).toBe(true);
  });

  it('whose conversion fails at its end leave nothing half made behind', async () => {
    await build();
    const [file] = await readdir(checkpoint.cacheDirectory);
    const target = path.join(checkpoint.cacheDirectory, file!);
    await rm(target);
    await mkdir(target); // The finished file cannot take its name.
    expect(await refusal()).toMatch(/cannot be written to .*--cache-dir/);
    expect(await readdir(checkpoint.cacheDirectory)).toEqual([file]);
  });

  it('whose cache directory cannot be written are refused with the flag that helps', async () => {
    await writeFile(checkpoint.cacheDirectory, 'a file where a directory should be');
    expect(await refusal()).toMatch(/cannot be written to .*--cache-dir/);
  });
});
