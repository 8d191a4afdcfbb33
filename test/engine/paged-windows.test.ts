/**
 * Sliding windows of the paged form, on WebGPU, against Hugging Face transformers. A file, and with it a process, of its
 * own: the operator's kernel for windows needs subgroups of at least 8 lanes, which the software driver has with wider
 * vectors than the other tests ask for.
 */

process.env['LP_NATIVE_VECTOR_WIDTH'] = '256';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { FLOAT16_TOLERANCE, readOracle, WAYS } from '../support/oracle.ts';

// After the line above, which imports would otherwise precede.
const { openPagedRunner, SHADER_TIMEOUT_MS } = await import('../support/paged-runner.ts');
const { hasWebGpu } = await import('../support/webgpu.ts');

/** A window in every layer, and in some; of as many heads each, so that they share their shaders. */
const CASES = ['mistral-sliding', 'qwen3-layer-types'];

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  describe.each(CASES)('logits of %s agree with transformers', (name) => {
    const oracle = readOracle(name);
    let runner: OnnxModelRunner;
    beforeAll(async () => {
      runner = await openPagedRunner(oracle.directory);
    }, SHADER_TIMEOUT_MS);
    afterAll(() => runner.close());

    it.each(WAYS)('$name', async ({ run }) => {
      expect(await run(oracle, runner)).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    });
  });
});
