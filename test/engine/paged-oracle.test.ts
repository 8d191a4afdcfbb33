/**
 * The decoder of the paged form against Hugging Face transformers, on WebGPU in float16: every checkpoint of
 * oracle.test.ts whose heads the operator takes; and what it must not do in the long run. One file, so that its shaders
 * are compiled once. Sliding windows are in paged-windows.test.ts.
 */

import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import type { ModelRunner } from '../../src/engine/model-runner.ts';
import type { OnnxModelRunner } from '../../src/engine/onnx-model-runner.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { scratchCheckpoint } from '../support/checkpoint-files.ts';
import { FLOAT16_TOLERANCE, ORACLE_NAMES, readOracle, WAYS } from '../support/oracle.ts';
import { openPagedRunner, SHADER_TIMEOUT_MS } from '../support/paged-runner.ts';
import { RunnerDriver } from '../support/runner-driver.ts';
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

const NAME = 'llama-biases';
const SMALL = { blockCount: 33, modelLengthMax: 128 };

/** Prompts of 40 tokens and answers of 20, one sequence after the other in the same blocks. */
async function serve(runner: ModelRunner, sequenceCount: number): Promise<void> {
  const tokenIds = Array.from({ length: 40 }, (_, i) => (i * 7) % 200);
  for (let count = 0; count < sequenceCount; count++) {
    const driver = new RunnerDriver(runner);
    const [long, short] = [driver.sequence(), driver.sequence()];
    await driver.step([
      { sequence: long, tokenIds },
      { sequence: short, tokenIds: [1] },
    ]);
    for (let step = 0; step < 20; step++) {
      await driver.step([long, short].map((sequence) => ({ sequence, tokenIds: [step] })));
    }
  }
}

/** Memory of this process, in which the software driver keeps that of the device, each buffer a mapped file. */
function usage() {
  globalThis.gc?.();
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\n');
  const deviceBufferCount = maps.filter((line) => line.includes('memfd:')).length;
  return { deviceBufferCount, bytes: process.memoryUsage().rss };
}

/** A copy of the checkpoint in which a token's embedding is infinite. */
async function breakToken(directory: string, tokenId: number, hiddenSize: number): Promise<void> {
  const file = path.join(directory, 'model.safetensors');
  const bytes = await readFile(file);
  const headerLength = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString());
  const [start] = header['model.embed_tokens.weight'].data_offsets;
  const row = 8 + headerLength + start + tokenId * hiddenSize * 2;
  for (let i = 0; i < hiddenSize; i++) bytes.writeUInt16LE(0x7f80, row + 2 * i); // bfloat16 infinity
  await writeFile(file, bytes);
}

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  describe.each(cases)('logits of $name agree with transformers', ({ name, oracle }) => {
    let runner: OnnxModelRunner;
    beforeAll(async () => {
      runner = await openPagedRunner(oracle.directory);
    }, SHADER_TIMEOUT_MS);
    afterAll(() => runner.close());

    it.each(IN_EVERY_WAY.includes(name) ? WAYS : OTHERWISE)('$name', async ({ run }) => {
      expect(await run(oracle, runner)).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    });
  });

  it('logits agree with queries, keys and values given apart, too', async () => {
    const oracle = readOracle(NAME);
    const runner = await openPagedRunner(oracle.directory, { ...SMALL, packedHeads: false });
    for (const { run } of OTHERWISE) expect(await run(oracle, runner)).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    await runner.close();
  });

  it('the matrices of queries, keys and values are joined when the graph is opened, not in its steps', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'octavo-joined-'));
    const { directory } = readOracle(NAME);
    const runner = await openPagedRunner(directory, {
      ...SMALL,
      packedHeads: true,
      profilePrefix: path.join(folder, 'profile'),
    });
    await serve(runner, 1);
    await runner.close();
    const [file] = await readdir(folder);
    const events: readonly { args?: { op_name?: string } }[] = JSON.parse(
      await readFile(path.join(folder, file!), 'utf8'),
    );
    await rm(folder, { recursive: true });
    const operators = new Set(events.map(({ args }) => args?.op_name));
    expect(operators).toContain('PagedAttention');
    expect(operators).not.toContain('Concat');
  });

  it.runIf(process.platform === 'linux')(
    'a runner holds no more after many steps than after a few',
    async () => {
      const runner = await openPagedRunner(readOracle(NAME).directory);
      await serve(runner, 4);
      const before = usage();
      await serve(runner, 12);
      const after = usage();
      await runner.close();
      expect(before.deviceBufferCount).toBeGreaterThan(0);
      // A leak grows with each of the 18 further steps; the driver itself takes a buffer more now and then.
      expect(after.deviceBufferCount - before.deviceBufferCount).toBeLessThan(9);
      expect(after.bytes - before.bytes).toBeLessThan(16 * 2 ** 20);
    },
  );

  it('a runner names tokens without numbers, and they leave nothing in their blocks for who has them next', async () => {
    const oracle = readOracle(NAME);
    const used = new Set(oracle.prompts.flatMap(({ tokenIds }) => tokenIds));
    const broken = Array.from({ length: oracle.vocabSize }, (_, id) => id).find((id) => !used.has(id))!;
    const checkpoint = await scratchCheckpoint(NAME);
    await breakToken(checkpoint.directory, broken, 48);
    const runner = await openPagedRunner(checkpoint.directory);
    // Every slot of every block but the null block's.
    const blockSize = runner.limits.blockSize;
    for (let block = 1; block < runner.limits.blockCount; block++) {
      const positions = Int32Array.from({ length: blockSize }, (_, i) => i);
      const outcome = await runner.run(
        {
          rowCount: 1,
          tokenCount: blockSize,
          tokenIds: new Int32Array(blockSize).fill(broken),
          positions,
          slots: positions.map((position) => block * blockSize + position),
          rowStart: Int32Array.of(0, blockSize),
          pastLength: Int32Array.of(0),
          blockTable: Int32Array.of(block),
          blockTableWidth: 1,
          logitsTokens: Int32Array.of(0),
          logitsRowCount: 1,
        },
        new LogitsQuery(),
      );
      expect(outcome.brokenTokens).toEqual([...positions]);
    }
    for (const { run } of WAYS) expect(await run(oracle, runner)).toBeLessThanOrEqual(FLOAT16_TOLERANCE);
    await runner.close();
    await checkpoint.remove();
  });
});

it.each(REFUSED)('%s is refused by the limit that its heads break', async (name) => {
  const error = await openPagedRunner(readOracle(name).directory).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartupError);
  expect((error as Error).message).toMatch(/heads of \d+ elements .* multiples of 16 up to 256/);
});
