/** Whole rows of logits out of a checkpoint, one sequence at a time: what measures of quality are made of. */

import os from 'node:os';
import { exactIntegerType } from '../src/engine/integer-probe.ts';
import { OnnxModelRunner } from '../src/engine/onnx-model-runner.ts';
import type { StepBatch } from '../src/engine/step-batch.ts';
import { buildGatheredModel } from '../src/graph/checkpoint.ts';
import type { DecoderShape } from '../src/graph/decoder-shape.ts';
import type { KvCacheType } from '../src/graph/kv-cache-type.ts';
import { LogitsQuery } from '../src/sampling/step-logits.ts';

/** As `--quantization` has them. */
export type Form = 'none' | 'w8a8' | 'int4' | 'auto';

export type RowSource = {
  /** As it was asked for. */
  readonly form: string;
  /** Logits of each token of a sequence's next chunk; `past` tokens of it have been computed. */
  rows(tokenIds: readonly number[], past: number): Promise<Float32Array[]>;
};

const BLOCK_SIZE = 16;

/** @param options.form a form of the weights; form+type for a KV cache of that type */
export async function openForm(
  directory: string,
  shape: DecoderShape,
  options: { readonly form: string; readonly modelLengthMax: number; readonly cacheDirectory: string },
): Promise<RowSource> {
  const { form, modelLengthMax, cacheDirectory } = options;
  const [quantization, cacheType = 'f32'] = form.split('+') as [Form, KvCacheType?];
  const limits = {
    blockCount: Math.ceil(modelLengthMax / BLOCK_SIZE) + 1,
    blockSize: BLOCK_SIZE,
    modelLengthMax,
    vocabularySize: shape.vocabularySize,
  };
  const threadCount = os.availableParallelism();
  const model = await buildGatheredModel(directory, shape, {
    cache: limits,
    cacheType,
    positionCount: modelLengthMax,
    cacheDirectory,
    weights: { quantization, integerType: await exactIntegerType(), threadCount, onProgress: () => {} },
  });
  const runner = await OnnxModelRunner.create({
    ...model,
    shape,
    cacheType,
    limits,
    threadCount,
    placement: { device: 'cpu' },
  });
  const query = new LogitsQuery();
  return {
    form,
    async rows(tokenIds, past) {
      query.clear();
      for (let token = 0; token < tokenIds.length; token++) query.addFullRow(token);
      const { fullRows, vocabularySize } = await runner.run(batchOf(tokenIds, past), query);
      return tokenIds.map((_, i) => fullRows.slice(i * vocabularySize, (i + 1) * vocabularySize));
    },
  };
}

/** The sequence lies in blocks 1, 2, … in order. */
function batchOf(tokenIds: readonly number[], past: number): StepBatch {
  const { length } = tokenIds;
  const blocks = Math.ceil((past + length) / BLOCK_SIZE);
  return {
    rowCount: 1,
    tokenCount: length,
    tokenIds: Int32Array.from(tokenIds),
    positions: Int32Array.from({ length }, (_, i) => past + i),
    slots: Int32Array.from({ length }, (_, i) => BLOCK_SIZE + past + i),
    rowStart: Int32Array.of(0, length),
    pastLength: Int32Array.of(past),
    blockTable: Int32Array.from({ length: blocks }, (_, i) => i + 1),
    blockTableWidth: blocks,
    logitsTokens: Int32Array.from({ length }, (_, i) => i),
    logitsRowCount: length,
  };
}
