/**
 * The logits outputs computed on WebGPU: what crosses to the host is exact enough for the sampler, and the draws that it
 * leads to are those of the CPU. Rows are such as float16 gives them, with ties.
 */

import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { int32Vector } from '../../src/engine/cache-form.ts';
import { queryFeeds, queryFetches, stepLogits } from '../../src/engine/logits-exchange.ts';
import { OnnxSession } from '../../src/engine/onnx-session.ts';
import { GraphBuilder } from '../../src/graph/graph-builder.ts';
import { narrowToFloat16, widenFloat16 } from '../../src/graph/half-floats.ts';
import { logitsOutputs } from '../../src/graph/logits-outputs.ts';
import { LogitsQuery, NORMALISER_ERROR_MAX, type StepLogits } from '../../src/sampling/step-logits.ts';
import { CASES, drawnTokens, normalRow } from '../sampling/frequencies.ts';
import { answer, logSumExp } from '../sampling/row-driver.ts';
import { SHADER_TIMEOUT_MS } from '../support/paged-runner.ts';
import { hasWebGpu } from '../support/webgpu.ts';

class DeviceLogits {
  readonly #session: OnnxSession;
  readonly #vocabularySize: number;

  private constructor(session: OnnxSession, vocabularySize: number) {
    this.#session = session;
    this.#vocabularySize = vocabularySize;
  }

  static async open(vocabularySize: number): Promise<DeviceLogits> {
    const g = new GraphBuilder();
    const values = g.input('logits', 'float32', ['rows', vocabularySize]);
    logitsOutputs(g, { values, rowScales: null }, 64, vocabularySize);
    const graph = g.encode();
    const session = await OnnxSession.create({ graph, weightsFolder: '.', device: 'webgpu', threadCount: 1 });
    return new DeviceLogits(session, vocabularySize);
  }

  async ask(rows: Float32Array, query: LogitsQuery): Promise<StepLogits> {
    const dims = [rows.length / this.#vocabularySize, this.#vocabularySize];
    const feeds = { logits: { type: 'float32', data: rows, dims } as const, ...queryFeeds(query) };
    const outputs = await this.#session.run(feeds, queryFetches(query));
    return stepLogits({ vocabularySize: this.#vocabularySize }, outputs);
  }

  /** Asked after a run: nothing of it must have been computed on the CPU. */
  async close(): Promise<void> {
    expect(await this.#session.takeFallbacks()).toEqual([]);
    await this.#session.close();
  }
}

function asFloat16(row: Float32Array): Float32Array {
  const half = new Uint16Array(row.length);
  narrowToFloat16(new Uint32Array(row.slice().buffer), half);
  const wide = new Uint32Array(row.length);
  widenFloat16(half, wide);
  return new Float32Array(wide.buffer);
}

const hasRenderNode =
  existsSync('/dev/dri') && readdirSync('/dev/dri').some((node) => node.startsWith('renderD'));

const LARGE_VOCABULARY = 151_936;
const SEEDS = 2000;

describe.skipIf(!hasWebGpu)('on WebGPU', { timeout: SHADER_TIMEOUT_MS }, () => {
  describe('draws from a row', () => {
    const row = asFloat16(normalRow(1.5));
    let device: DeviceLogits;
    beforeAll(async () => {
      device = await DeviceLogits.open(row.length);
    });
    afterAll(() => device.close());

    it.each(CASES)('are those of the CPU with the same seeds, with %s', async (_, sampling, history) => {
      const onDevice = await drawnTokens(
        row.length,
        sampling,
        history,
        (query) => device.ask(row, query),
        SEEDS,
      );
      const onHost = await drawnTokens(row.length, sampling, history, (query) => answer([row], query), SEEDS);
      const parting = onDevice.filter((tokenId, seed) => row[tokenId] !== row[onHost[seed]!]);
      expect(parting).toEqual([]);
    });
  });

  describe('a large vocabulary', () => {
    const rows = asFloat16(
      Float32Array.from({ length: 2 * LARGE_VOCABULARY }, (_, i) =>
        i % LARGE_VOCABULARY === 1005 ? 14 : Math.sin(i * 12.9898) * 3 - (i % 7),
      ),
    );
    let device: DeviceLogits;
    beforeAll(async () => {
      device = await DeviceLogits.open(LARGE_VOCABULARY);
    });
    afterAll(() => device.close());

    it('has candidates in order, lower ids first where logits are equal, and single logits as they are', async () => {
      const query = new LogitsQuery();
      query.addRead(1, 77);
      query.addFullRow(1);
      const { candidateIds, candidateLogits, reads, fullRows } = await device.ask(rows, query);
      const second = rows.slice(LARGE_VOCABULARY);
      const expected = Array.from(second.keys())
        .sort((a, b) => second[b]! - second[a]! || a - b)
        .slice(0, 64);
      expect([...candidateLogits.slice(64)]).toEqual(expected.map((id) => second[id]));
      expect([...candidateIds.slice(64)]).toEqual(expected);
      expect(reads[0]).toBe(second[77]);
      expect(fullRows).toEqual(second);
    });

    it('has normalisers within the error that sampling counts on', async () => {
      const query = new LogitsQuery();
      const temperatures = [1, 0.3, 2];
      for (const temperature of temperatures) query.addNormaliser(1, temperature);
      const { normalisers } = await device.ask(rows, query);
      temperatures.forEach((temperature, i) => {
        const exact = logSumExp(rows.slice(LARGE_VOCABULARY), 1 / temperature);
        const bound = NORMALISER_ERROR_MAX.absolute + NORMALISER_ERROR_MAX.relative * Math.abs(exact);
        expect(Math.abs(normalisers[i]! - exact)).toBeLessThanOrEqual(bound);
      });
    });
  });

  it('nodes that the device has no kernel for are named', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'int32', [2]);
    g.output('y', g.op('Add', [g.op('BitwiseAnd', [x, g.int32(1)]), g.int32(5)]), 'int32');
    const graph = g.encode();
    const session = await OnnxSession.create({ graph, weightsFolder: '.', device: 'webgpu', threadCount: 1 });
    await session.run({ x: int32Vector(Int32Array.of(2, 3)) }, ['y']);
    const fallbacks = await session.takeFallbacks();
    expect(fallbacks.some((name) => /^BitwiseAnd \(node_BitwiseAnd_\d+\)$/.test(name))).toBe(true);
    const { y } = await session.run({ x: int32Vector(Int32Array.of(2, 3)) }, ['y']);
    expect(y).toEqual(Int32Array.of(5, 6));
    await session.close();
  });

  it.runIf(process.platform === 'linux' && !hasRenderNode)(
    'a software driver is hidden from auto',
    async () => {
      const from = (file: string) => JSON.stringify(path.join(import.meta.dirname, '../../src/engine', file));
      const program = `
      const { probeDevice } = await import(${from('device-probe.ts')});
      const { hideSoftwareDrivers } = await import(${from('native-environment.ts')});
      hideSoftwareDrivers(process.env);
      console.log(await probeDevice('webgpu') === null ? 'found' : 'hidden');
    `;
      const flags = ['--import', 'tsx', '--input-type=module', '--eval', program];
      const { stdout } = await promisify(execFile)(process.execPath, flags);
      expect(stdout.trim()).toBe('hidden');
    },
  );
});
