/**
 * The decoder of the paged form against Hugging Face transformers, on WebGPU in float16: every checkpoint of
 * oracle.test.ts whose heads the operator takes. Sliding windows are in paged-windows.test.ts.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import type { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { FLOAT16_TOLERANCE, ORACLE_NAMES, readOracle, WAYS } from '../support/oracle.ts';
import { openPagedRunner, SHADER_TIMEOUT_MS } from '../support/paged-runner.ts';
import { hasWebGpu } from '../support/webgpu.ts';

/** Cases whose heads PagedAttention does not take; each must be refused. */
const REFUSED = [
  'llama-head-dim-eps',
  'llama-mha-f16',
  'llama-tied-f32',
  'mistral-full-old',
  'qwen2-tied-old',
];
const WINDOWS = ['mistral-sliding', 'qwen2-sliding', 'qwen3-layer-types'];
/** In every way: biases, odd sizes, norms of heads. The others in the two ways that differ most. */
const IN_EVERY_WAY = ['llama-biases', 'llama-unaligned', 'qwen3'];
const OTHERWISE = [WAYS[0]!, WAYS[3]!];

const cases = ORACLE_NAMES.filter((name) => !REFUSED.includes(name) && !WINDOWS.includes(name))
  .map((name) => ({ name, oracle: readOracle(name) }))
  // A twin is the same numbers under another spelling of the configuration, which other tests read.
  .filter(({ oracle }) => oracle.twin === null);

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  describe.each(cases)('logits of $name agree with transformers', ({ name, oracle }) => {
    let runner: OnnxModelRunner;
    beforeAll(async () => {
      runner = await openPagedRunner(oracle.directory);
    });
    afterAll(() => runner.close());

    it.each(IN_EVERY_WAY.includes(name) ? WAYS : OTHERWISE)('$name', async ({ run }) => {
      expect(await run(oracle, runner)).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    });
  });
});

it.each(REFUSED)('%s is refused by the limit that its heads break', async (name) => {
  const error = await openPagedRunner(readOracle(name).directory).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).toMatch(/heads of \d+ elements .* multiples of 16 up to 256/);
});
