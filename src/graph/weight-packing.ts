/**
 * How a checkpoint stores its matrices in 4 bits, read from `quantization_config` in `config.json`. Two forms are
 * known: GPTQ's (Frantar et al. 2022, as AutoGPTQ and GPTQModel write it) and AWQ's (Lin et al. 2023, as AutoAWQ's
 * "gemm" writes it). In both, weight = (level - zero point) * scale, with a scale and a zero point for a group of inputs
 * of one output. The bytes are taken apart in `repack-matrix.ts`.
 */

import { z } from 'zod';
import { StartupError } from '../base/errors.ts';

export type WeightPacking = {
  readonly method: 'gptq' | 'awq';
  /** Inputs that share a scale and a zero point; `null`: all of them. */
  readonly groupSize: number | null;
  /** What is added to a stored zero point: version 1 of GPTQ's form stores one less than is meant. */
  readonly zeroOffset: 0 | 1;
  /** Inputs belong to groups in an order of their own ("act-order"), which every matrix has to say. */
  readonly isOrdered: boolean;
};

/** Weights have so many bits; a word of 32 holds eight. */
const BITS = 4;
export const WORD_WEIGHTS = 8;
/** What the 4-bit product has kernels for on every device. */
const GROUP_SIZES: readonly number[] = [32, 64, 128];
/** How configurations say that a column of the matrix is one group. */
const WHOLE_COLUMN = -1;

const schema = z.looseObject({
  quant_method: z.string(),
  bits: z.number().optional(),
  group_size: z.number().optional(),
  desc_act: z.boolean().default(false),
  /** GPTQ's; GPTQModel's newer name for it, and for AWQ's `version`, is `format`. */
  checkpoint_format: z.string().nullish(),
  format: z.string().nullish(),
  /** AWQ's. */
  version: z.string().nullish(),
  zero_point: z.boolean().optional(),
});

/**
 * @param json `quantization_config` as it stands; absent where the weights are stored in floating point
 * @throws StartupError naming the field that is not supported, and what is
 */
export function weightPacking(json: unknown): WeightPacking | null {
  if (json === undefined || json === null) return null;
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new StartupError(
      `config.json: quantization_config: ${[...(issue?.path ?? []), issue?.message].join(': ')}`,
    );
  }
  const config = parsed.data;
  const method = oneOf('quant_method', config.quant_method, ['gptq', 'awq']);
  if (config.bits !== BITS) refuse('bits', config.bits, [BITS]);
  const size = config.group_size;
  if (size === undefined || ![...GROUP_SIZES, WHOLE_COLUMN].includes(size)) {
    refuse('group_size', size, [...GROUP_SIZES, WHOLE_COLUMN]);
  }
  const groupSize = size === WHOLE_COLUMN ? null : size;
  if (method === 'gptq') {
    const form = config.checkpoint_format ?? config.format ?? 'gptq';
    const version = oneOf('checkpoint_format', form, ['gptq', 'gptq_v2']);
    return { method, groupSize, zeroOffset: version === 'gptq' ? 1 : 0, isOrdered: config.desc_act };
  }
  oneOf('version', config.version ?? config.checkpoint_format ?? config.format ?? 'gemm', ['gemm']);
  if (config.zero_point === false) refuse('zero_point', false, [true]);
  return { method, groupSize, zeroOffset: 0, isOrdered: false };
}

function oneOf<Value extends string>(field: string, value: string, supported: readonly Value[]): Value {
  const found = supported.find((each) => each === value.toLowerCase());
  return found ?? refuse(field, value, supported);
}

function refuse(field: string, value: unknown, supported: readonly unknown[]): never {
  const shown = supported.map((each) => JSON.stringify(each)).join(', ');
  throw new StartupError(
    `config.json: quantization_config: ${field} ${JSON.stringify(value)} is not supported; supported is ${shown}`,
  );
}
