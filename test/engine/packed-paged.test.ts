/**
 * Packed checkpoints in the paged form, on WebGPU in float16, against the same logits as in packed-oracle.test.ts. Few of
 * them: shaders are compiled for each, and what differs between checkpoints is the file's layout, which is the same there.
 */

import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { buildPagedModel, readDecoderShape } from '../../src/graph/checkpoint.ts';
import { scratchCheckpoint } from '../support/checkpoint-files.ts';
import { FLOAT16_TOLERANCE, readOracle, WAYS } from '../support/oracle.ts';
import { openPagedRunner, SHADER_TIMEOUT_MS } from '../support/paged-runner.ts';
import { hasWebGpu } from '../support/webgpu.ts';

/** Biases, inputs in an order of their own, chunks beside single tokens; and whole prompts of the other packing. */
const CASES = [
  { name: 'qwen2-gptq-32-act-order', way: WAYS[3]! },
  { name: 'qwen2-awq-128', way: WAYS[0]! },
];

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  it.each(CASES)('logits of $name agree with transformers $way.name', async ({ name, way }) => {
    const oracle = readOracle(name);
    const runner = await openPagedRunner(oracle.directory);
    const worst = await way.run(oracle, runner);
    await runner.close();
    expect(worst).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
  });
});

it('a packed checkpoint is refused in bfloat16, which its scales do not fit into', async () => {
  const { directory, cacheDirectory, remove } = await scratchCheckpoint('llama-awq-64');
  const shape = await readDecoderShape(directory);
  const cache = { blockCount: 4, blockSize: 32 };
  const build = buildPagedModel(directory, shape, {
    cache,
    positionCount: 64,
    cacheDirectory,
    type: 'bfloat16',
    packedHeads: true,
  });
  await expect(build).rejects.toThrow(/--dtype bfloat16: .*awq.*float16/);
  await expect(build).rejects.toThrow(StartupError);
  await remove();
});
