/**
 * What the server was told: the values of its options, from flags and environment variables, checked by one schema
 * whichever way they came.
 */

import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { StartupError } from './base/errors.ts';
import {
  BLOCK_SIZE_MAX,
  DECODE_SLOWDOWN_DEFAULT,
  DRAIN_MS_DEFAULT,
  GPU_MEMORY_UTILIZATION_DEFAULT,
  REQUESTS_IN_FLIGHT_DEFAULT,
  RESPONSE_STORE_BYTES_DEFAULT,
  RESPONSE_STORE_BYTES_MAX,
  SEQUENCES_PER_STEP_DEFAULT,
  STREAM_DELAY_MS_DEFAULT,
  TOKENS_PER_STEP_DEFAULT,
} from './base/limits.ts';
import type { CacheMemory, EngineOptions } from './engine/engine-options.ts';
import { KV_CACHE_TYPES } from './graph/kv-cache-type.ts';
import { QUANTIZATIONS } from './graph/quantization.ts';
import { SPECULATIONS } from './sampling/draft-lookup.ts';
import { REASONING_PARSERS, SERVE_OPTIONS, type ServeOption } from './serve-options.ts';
import { TOOL_CALL_FORMAT_NAMES } from './text/message/tool-call-format.ts';
import { usableCores } from './usable-cores.ts';

const SHIPPED_MODEL = fileURLToPath(new URL('../models/octavo-mini', import.meta.url));

/** vLLM's names for marks that are known here under another. */
const REASONING_ALIASES: ReadonlyMap<string, string> = new Map([
  ['deepseek_r1', 'think'],
  ['deepseek_v3', 'think'],
  ['qwen3', 'think'],
]);

/** Counts of tokens, blocks and requests: what memory can be laid out for on any machine. */
const COUNT_MAX = 2 ** 24;
/** A day; Node's timers end at 24.8 of them, and fire at once beyond. */
const SHUTDOWN_SECONDS_MAX = 86_400;
/** Beyond a second it is no stream any more. */
const STREAM_DELAY_MS_MAX = 1000;

/** More than any machine has cores: a slip of the hand is not to start so many. */
const THREADS_MAX = 1024;

/** Digits as they are written by people: what JavaScript takes for a number too, nothing at all among it, is none. */
const decimal = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/, 'must be a number')
  .transform(Number);
const whole = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .transform(Number);
const count = whole.pipe(z.number().positive().max(COUNT_MAX));
/** Clients send it in a header, which has no other characters. */
const apiKey = z.string().regex(/^[\x21-\x7e]+$/, 'a key has no white space, and nothing but ASCII');
const switchValue = z
  .union([z.boolean(), z.enum(['true', 'false', '1', '0', ''])], { error: 'must be true, false, 1 or 0' })
  .transform((value) => value === true || value === 'true' || value === '1');

/** As browsers send it: without a path, lower case. */
const originOrAll = z
  .string()
  .refine(
    (text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text),
    'must be an origin, such as https://chat.example.com, or *',
  );

const serveSchema = z.object({
  model: z.string().regex(/./, 'must be a directory').default(SHIPPED_MODEL),
  servedModelName: z.array(z.string().regex(/./, 'a name has at least one character')).default([]),
  host: z.string().default('127.0.0.1'),
  port: whole.pipe(z.number().min(0).max(65_535)).default(8000),
  apiKey: z.array(apiKey).default([]),
  corsOrigin: z.array(originOrAll).default([]),
  insecure: switchValue.default(false),
  strictFields: switchValue.default(false),
  schedulingPolicy: z.enum(['fcfs', 'priority']).default('fcfs'),
  cacheDir: z.string(),
  quantization: z.enum(QUANTIZATIONS).default('auto'),
  kvCacheMemory: z.string().transform(parseCacheMemory).nullable().default(null),
  kvCacheDtype: z.enum(['auto', ...KV_CACHE_TYPES]).default('auto'),
  blockSize: whole.pipe(z.number().positive().max(BLOCK_SIZE_MAX)).nullable().default(null),
  maxModelLen: count.nullable().default(null),
  maxNumSeqs: count.default(SEQUENCES_PER_STEP_DEFAULT),
  maxNumBatchedTokens: count.default(TOKENS_PER_STEP_DEFAULT),
  maxDecodeSlowdown: decimal
    .refine((factor) => factor === 0 || factor > 1, 'must be above 1, or 0')
    .transform((factor) => (factor === 0 ? null : factor))
    .default(DECODE_SLOWDOWN_DEFAULT),
  speculation: z.enum(SPECULATIONS).default('prediction'),
  maxInFlight: count.default(REQUESTS_IN_FLIGHT_DEFAULT),
  responseStoreMemory: z
    .string()
    .transform(parseStoreMemory)
    .refine(
      (bytes) => bytes <= RESPONSE_STORE_BYTES_MAX,
      `must be at most ${sizeText(RESPONSE_STORE_BYTES_MAX)}`,
    )
    .default(RESPONSE_STORE_BYTES_DEFAULT),
  threads: whole.pipe(z.number().positive().max(THREADS_MAX)).default(usableCores()),
  streamDelay: decimal
    .pipe(z.number().nonnegative().max(STREAM_DELAY_MS_MAX))
    .default(STREAM_DELAY_MS_DEFAULT),
  device: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
  strictDevice: switchValue.default(false),
  dtype: z.enum(['auto', 'float16', 'bfloat16']).default('auto'),
  gpuMemoryUtilization: decimal.pipe(z.number().positive().max(1)).default(GPU_MEMORY_UTILIZATION_DEFAULT),
  profile: z.string().min(1).nullable().default(null),
  shutdownTimeout: decimal
    .pipe(z.number().nonnegative().max(SHUTDOWN_SECONDS_MAX))
    .default(DRAIN_MS_DEFAULT / 1000),
  toolCallParser: z.enum(['auto', 'none', ...TOOL_CALL_FORMAT_NAMES]).default('auto'),
  reasoningParser: z
    .string()
    .transform((name) => REASONING_ALIASES.get(name) ?? name)
    .pipe(z.enum(['auto', 'none', ...REASONING_PARSERS]))
    .default('auto'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export type ServeConfig = z.infer<typeof serveSchema>;

/**
 * @param flags what the command line said, by name in SERVE_OPTIONS
 * @param environment read where a flag is absent
 * @throws StartupError naming the flag that is wrong
 */
export function serveConfig(
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): ServeConfig {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries<ServeOption>(SERVE_OPTIONS)) {
    // An empty variable is one that is not set: compose files make them easily.
    const text = environment[option.environment] || undefined;
    values[name] = flags[name] ?? (option.repeats ? listIn(text, option.environment) : text);
  }
  values['cacheDir'] ??= path.join(cacheHome(environment), 'octavo');
  const result = serveSchema.safeParse(values);
  if (!result.success) throw new StartupError(describeIssue(result.error.issues[0]!));
  checkTogether(result.data);
  return result.data;
}

/**
 * As the XDG Base Directory Specification has it, by which a variable that is empty or a relative path counts as not set. To be
 * asked only where no directory was given: users whom the system does not know, as containers run as, may have no home.
 * @throws StartupError when there is none
 */
function cacheHome({ XDG_CACHE_HOME: told = '' }: Readonly<Record<string, string | undefined>>): string {
  if (path.isAbsolute(told)) return told;
  try {
    const home = os.homedir();
    return path.join(path.isAbsolute(home) ? home : os.userInfo().homedir, '.cache');
  } catch (cause) {
    throw new StartupError(
      `this user has no home directory to keep converted weights in: ${(cause as Error).message}; choose a place with --cache-dir`,
      { cause },
    );
  }
}

/** @throws StartupError for a list of nothing: who gives one means something. */
function listIn(text: string | undefined, variable: string): string[] | undefined {
  if (text === undefined) return undefined;
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) throw new StartupError(`${variable} names nothing; leave it away, or give a value`);
  return parts;
}

/** What of it concerns the engine. */
export function engineOptions(config: ServeConfig): EngineOptions {
  return {
    modelDirectory: config.model,
    cacheDirectory: config.cacheDir,
    cacheMemory: config.kvCacheMemory,
    cacheType: config.kvCacheDtype,
    blockSize: config.blockSize,
    modelLengthMax: config.maxModelLen,
    sequencesPerStepMax: config.maxNumSeqs,
    tokensPerStepMax: config.maxNumBatchedTokens,
    decodeSlowdownMax: config.maxDecodeSlowdown,
    speculation: config.speculation,
    threadCount: config.threads,
    device: config.device,
    strictDevice: config.strictDevice,
    dtype: config.dtype,
    gpuMemoryUtilization: config.gpuMemoryUtilization,
    quantization: config.quantization,
    profilePrefix: config.profile,
  };
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const option: ServeOption = SERVE_OPTIONS[issue.path[0] as keyof typeof SERVE_OPTIONS];
  return `${option.flags.split(' ')[0]} (or ${option.environment}): ${expectationOf(issue)}`;
}

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'too_small':
      return `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    default:
      return issue.message;
  }
}

function checkTogether(config: ServeConfig): void {
  const beyond = !isLoopback(config.host);
  if (beyond && config.apiKey.length === 0 && !config.insecure) {
    throw new StartupError(
      `--host ${config.host} (or HOST, which some shells set) can be reached from other machines: give an --api-key, or --insecure if everyone may use the server`,
    );
  }
  if (config.maxNumBatchedTokens < config.maxNumSeqs) {
    throw new StartupError(
      `--max-num-batched-tokens ${config.maxNumBatchedTokens} is less than --max-num-seqs ${config.maxNumSeqs}: each sequence needs one token a step`,
    );
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1e3],
  ['mb', 1e6],
  ['gb', 1e9],
  ['kib', 2 ** 10],
  ['mib', 2 ** 20],
  ['gib', 2 ** 30],
]);

type Size = { readonly value: number; readonly hasUnit: boolean; readonly bytes: number };

function parseSize(text: string): Size | null {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNIT_BYTES.get(match?.[2]?.toLowerCase() ?? '');
  if (match === null || unit === undefined) return null;
  const value = Number(match[1]);
  return { value, hasUnit: match[2] !== '', bytes: Math.floor(value * unit) };
}

function sizeText(bytes: number): string {
  return `${bytes / 2 ** 20}MiB`;
}

/** A number with a decimal point and no unit is a fraction; anything else is a size. */
function parseCacheMemory(text: string, context: z.core.$RefinementCtx): CacheMemory {
  const size = parseSize(text);
  if (size === null || size.value === 0) {
    context.addIssue(`"${text}" is neither a size (512MiB, 4GB) nor a fraction of the memory (0.5)`);
    return z.NEVER;
  }
  const { value, hasUnit, bytes } = size;
  if (hasUnit || !text.includes('.')) return { kind: 'bytes', bytes };
  if (value <= 1) return { kind: 'fraction', fraction: value };
  context.addIssue(
    `"${text}" is more than all of the memory; write a fraction up to 1.0, or a size with its unit (2GiB)`,
  );
  return z.NEVER;
}

function parseStoreMemory(text: string, context: z.core.$RefinementCtx): number {
  const size = parseSize(text);
  // Less than a byte is no size: who writes so means a fraction, or MiB.
  if (size !== null && (size.value === 0 || size.bytes > 0)) return size.bytes;
  context.addIssue(`"${text}" is no size (64MiB, 256MB, or 0 to store nothing)`);
  return z.NEVER;
}
