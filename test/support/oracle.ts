/**
 * Checkpoints with the logits that Hugging Face transformers gives for them (test/fixtures/checkpoints/README.md), and
 * the ways in which steps can be cut that must all lead to the same logits.
 */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ModelRunner } from '../../src/engine/model-runner.ts';
import { RunnerDriver } from './runner-driver.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/checkpoints');
/** Checkpoints whose matrices are packed in 4 bits; their README says how the logits were made. */
const PACKED_FIXTURES = path.join(import.meta.dirname, '../fixtures/quantized-checkpoints');

/**
 * Largest absolute difference of a logit where the decoder computes in float16. Logits reach 16; float16 keeps 11 bits at
 * each step on the way there, and the oracle 24. Measured over all cases and ways: 0.112.
 */
export const FLOAT16_TOLERANCE = 0.15;

type Prompt = { readonly tokenIds: readonly number[]; readonly firstRow: number };

export type Oracle = {
  readonly directory: string;
  readonly vocabSize: number;
  /** The case of the same weights in another spelling of its configuration. */
  readonly twin: string | null;
  readonly prompts: readonly Prompt[];
  /** [rows x vocabSize] */
  readonly expected: Float32Array;
  /** Of packed checkpoints, by module: SHA-256 of its weights [outputs x inputs] in float32, as the packer's library reads them. */
  readonly dequantisedSha256?: Readonly<Record<string, string>>;
};

export const ORACLE_NAMES = foldersOf(FIXTURES);
export const PACKED_ORACLE_NAMES = foldersOf(PACKED_FIXTURES);

function foldersOf(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('_'))
    .map((entry) => entry.name);
}

/** Of a case of either kind. */
export function fixtureDirectory(name: string): string {
  return path.join(PACKED_ORACLE_NAMES.includes(name) ? PACKED_FIXTURES : FIXTURES, name);
}

export function readOracle(name: string): Oracle {
  const directory = fixtureDirectory(name);
  const oracle = JSON.parse(readFileSync(path.join(directory, 'oracle.json'), 'utf8')) as Oracle & {
    readonly logitsFile: string;
  };
  const bytes = readFileSync(path.join(directory, oracle.logitsFile));
  return { ...oracle, directory, expected: new Float32Array(Uint8Array.from(bytes).buffer) };
}

/** Computes the prompts of a case in one way. @returns the largest difference of a logit; infinite for NaN. */
export type Way = {
  readonly name: string;
  readonly run: (oracle: Oracle, runner: ModelRunner) => Promise<number>;
};

/** Keeps the largest difference between rows of logits and the oracle's. */
class Worst {
  readonly #oracle: Oracle;
  difference = 0;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** @param from position of the first row in its prompt. */
  take(prompt: Prompt, rows: readonly Float32Array[], from = 0): void {
    const { vocabSize, expected } = this.#oracle;
    rows.forEach((row, i) => {
      const start = (prompt.firstRow + from + i) * vocabSize;
      row.forEach((logit, token) => {
        const difference = Math.abs(logit - expected[start + token]!);
        // NaN compares as false: it must count as the worst of all.
        if (!(difference <= this.difference)) {
          this.difference = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
        }
      });
    });
  }
}

async function inChunks(oracle: Oracle, driver: RunnerDriver, length: number): Promise<number> {
  const worst = new Worst(oracle);
  for (const prompt of oracle.prompts) {
    const sequence = driver.sequence();
    for (let from = 0; from < prompt.tokenIds.length; from += length) {
      const [rows] = await driver.step([{ sequence, tokenIds: prompt.tokenIds.slice(from, from + length) }]);
      worst.take(prompt, rows!, from);
    }
  }
  return worst.difference;
}

async function mixed(oracle: Oracle, runner: ModelRunner): Promise<number> {
  const worst = new Worst(oracle);
  const driver = new RunnerDriver(runner, (count) => (count * 5 + 1) % count);
  const { prompts } = oracle;
  const sequences = prompts.map(() => driver.sequence());
  const done = prompts.map(() => 0);
  for (let round = 0; done.some((count, i) => count < prompts[i]!.tokenIds.length); round++) {
    const active = prompts.flatMap((prompt, i) => {
      const left = prompt.tokenIds.length - done[i]!;
      const take = Math.min(left, (i + round) % 3 === 0 ? 1 : 4 * i + 2);
      return left > 0 ? [{ i, prompt, from: done[i]!, take }] : [];
    });
    const results = await driver.step(
      active.map(({ i, prompt, from, take }) => ({
        sequence: sequences[i]!,
        tokenIds: prompt.tokenIds.slice(from, from + take),
      })),
    );
    active.forEach(({ i, prompt, from, take }, row) => {
      done[i]! += take;
      worst.take(prompt, results[row]!, from);
    });
  }
  return worst.difference;
}

async function unequal(oracle: Oracle, runner: ModelRunner): Promise<number> {
  const worst = new Worst(oracle);
  const driver = new RunnerDriver(runner);
  const [short, long] = [oracle.prompts[0]!, oracle.prompts.at(-1)!];
  const rows = [long, short, short, short].map((prompt) => ({ prompt, sequence: driver.sequence() }));
  // All but the last token, then the last ones: first prefill, then decode is mostly padding in one pass.
  for (const take of [(length: number) => [0, length - 1], (length: number) => [length - 1, length]]) {
    const results = await driver.step(
      rows.map(({ prompt, sequence }) => ({
        sequence,
        tokenIds: prompt.tokenIds.slice(...take(prompt.tokenIds.length)),
      })),
    );
    rows.forEach(({ prompt }, row) => {
      worst.take(prompt, results[row]!, take(prompt.tokenIds.length)[0]);
    });
  }
  return worst.difference;
}

async function afterPrefix(oracle: Oracle, runner: ModelRunner): Promise<number> {
  const worst = new Worst(oracle);
  const driver = new RunnerDriver(runner);
  const prompt = oracle.prompts.at(-1)!;
  const first = driver.sequence();
  await driver.step([{ sequence: first, tokenIds: prompt.tokenIds }]);
  const { blockSize } = runner.limits;
  const shared = Math.min(3, Math.floor(prompt.tokenIds.length / blockSize)) * blockSize;
  const second = driver.sharing(first, shared);
  const [rows] = await driver.step([{ sequence: second, tokenIds: prompt.tokenIds.slice(shared) }]);
  worst.take(prompt, rows!, shared);
  return worst.difference;
}

async function afterPreemption(oracle: Oracle, runner: ModelRunner): Promise<number> {
  const worst = new Worst(oracle);
  const driver = new RunnerDriver(runner);
  const [other, prompt] = [oracle.prompts[0]!, oracle.prompts.at(-1)!];
  const victim = driver.sequence();
  await driver.step([{ sequence: victim, tokenIds: prompt.tokenIds.slice(0, 9) }]);
  const taker = { blockIds: victim.blockIds, pastLength: 0 };
  await driver.step([{ sequence: taker, tokenIds: other.tokenIds }]);
  const resumed = { blockIds: victim.blockIds.toReversed(), pastLength: 0 };
  const [rows] = await driver.step([{ sequence: resumed, tokenIds: prompt.tokenIds }]);
  worst.take(prompt, rows!);
  return worst.difference;
}

const WHOLE = 1000;

export const WAYS: readonly Way[] = [
  {
    name: 'for whole prompts, each alone',
    run: (oracle, runner) => inChunks(oracle, new RunnerDriver(runner), WHOLE),
  },
  {
    name: 'in chunks that end inside blocks, with blocks scattered',
    run: (oracle, runner) =>
      inChunks(oracle, new RunnerDriver(runner, (count) => (count * 7 + 3) % count), 7),
  },
  {
    name: 'token by token',
    run: (oracle, runner) => inChunks(oracle, new RunnerDriver(runner, () => 0), 1),
  },
  { name: 'in one batch of prompts of other lengths, chunks and single tokens mixed', run: mixed },
  { name: 'where one long sequence runs among short ones', run: unequal },
  { name: 'after a prefix that another sequence computed', run: afterPrefix },
  {
    name: 'after preemption: recomputed into other blocks that held something else',
    run: afterPreemption,
  },
];
