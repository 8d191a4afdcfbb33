import { describe, expect, it } from 'vitest';
import { StartupError } from '../../src/base/errors.ts';
import { weightPacking } from '../../src/graph/weight-packing.ts';

const GPTQ = { quant_method: 'gptq', bits: 4, group_size: 128 };
const AWQ = { quant_method: 'awq', bits: 4, group_size: 64, zero_point: true, version: 'gemm' };

describe('quantization_config', () => {
  it('of GPTQ is version 1 where nothing is said, whose zero points are stored one lower', () => {
    expect(weightPacking({ ...GPTQ, desc_act: true, sym: true })).toEqual({
      method: 'gptq',
      groupSize: 128,
      zeroOffset: 1,
      isOrdered: true,
    });
  });

  it.each([
    [{ checkpoint_format: 'gptq' }, 1],
    [{ checkpoint_format: 'gptq_v2' }, 0],
    [{ format: 'gptq_v2' }, 0],
  ])('%j stores zero points %i lower', (fields, zeroOffset) => {
    expect(weightPacking({ ...GPTQ, ...fields })).toMatchObject({ zeroOffset });
  });

  it('of AWQ stores zero points as they are', () => {
    const expected = { method: 'awq', groupSize: 64, zeroOffset: 0, isOrdered: false };
    expect(weightPacking(AWQ)).toEqual(expected);
    // AutoAWQ's own spelling, and GPTQModel's.
    expect(weightPacking({ ...AWQ, version: 'GEMM' })).toEqual(expected);
    expect(weightPacking({ quant_method: 'awq', bits: 4, group_size: 64, format: 'gemm' })).toEqual(expected);
  });

  it('has one group for a whole column with a group size of -1', () => {
    expect(weightPacking({ ...GPTQ, group_size: -1 })).toMatchObject({ groupSize: null });
  });

  it('is absent from checkpoints that are not quantised', () => {
    expect([weightPacking(undefined), weightPacking(null)]).toEqual([null, null]);
  });

  it.each([
    [{ ...GPTQ, quant_method: 'fp8' }, 'quant_method "fp8" is not supported; supported is "gptq", "awq"'],
    [{ ...GPTQ, bits: 8 }, 'bits 8 is not supported; supported is 4'],
    [{ ...GPTQ, group_size: 256 }, 'group_size 256 is not supported; supported is 32, 64, 128, -1'],
    [
      { ...GPTQ, group_size: undefined },
      'group_size undefined is not supported; supported is 32, 64, 128, -1',
    ],
    [
      { ...GPTQ, checkpoint_format: 'marlin' },
      'checkpoint_format "marlin" is not supported; supported is "gptq", "gptq_v2"',
    ],
    [{ ...AWQ, version: 'gemv' }, 'version "gemv" is not supported; supported is "gemm"'],
    [{ ...AWQ, zero_point: false }, 'zero_point false is not supported; supported is true'],
    [{ bits: 4 }, 'quant_method: '],
    ['gptq', 'expected object'],
  ])('%j is refused by name', (config, message) => {
    const parse = () => weightPacking(config);
    expect(parse).toThrow(StartupError);
    expect(parse).toThrow(`config.json: quantization_config: `);
    expect(parse).toThrow(message);
  });
});
