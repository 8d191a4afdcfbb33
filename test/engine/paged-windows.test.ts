/**
 * Sliding windows of the paged form, on WebGPU, against Hugging Face transformers. A file, and with it a process, of its
 * own: on the software driver the operator's kernel for windows is right for as many keys as a subgroup has lanes, and the
 * oracle's windows of 8 need wider vectors than the other tests ask for.
 */

process.env['LP_NATIVE_VECTOR_WIDTH'] = '256';

import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRightForm } from '../../src/engine/attention-check.ts';
import type { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { readDecoderShape } from '../../src/graph/checkpoint.ts';
import { FLOAT16_TOLERANCE, readOracle, WAYS } from '../support/oracle.ts';

// After the line above, which imports would otherwise precede.
const { openPagedRunner, SHADER_TIMEOUT_MS } = await import('../support/paged-runner.ts');
const { hasWebGpu, isSoftwareDriver } = await import('../support/webgpu.ts');

/** A window in every layer, and in some; of as many heads each, so that they share their shaders. */
const CASES = ['mistral-sliding', 'qwen3-layer-types'];

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  it.runIf(isSoftwareDriver)(
    'windows of a few tokens are right with tokens apart, and larger ones wrong on this driver',
    async () => {
      const shape = await readDecoderShape(readOracle('mistral-sliding').directory);
      const cacheDirectory = await mkdtemp(path.join(os.tmpdir(), 'octavo-windows-'));
      const cache = { blockSize: 32, modelLengthMax: 128 };
      const check = { device: 'webgpu', type: 'float16', cache, cacheDirectory } as const;
      try {
        expect(await findRightForm({ ...check, shape })).toEqual({
          tokensApart: true,
          packedHeads: false,
        });
        const wider = { ...shape, slidingWindows: [16] };
        expect(await findRightForm({ ...check, shape: wider })).toMatch('wrongly');
      } finally {
        await rm(cacheDirectory, { recursive: true });
      }
    },
  );

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
