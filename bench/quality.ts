/**
 * `npx tsx bench/quality.ts --model DIR --records FILE`: what quantisation costs. Every form of the weights computes the
 * logits of the same tokens; the table gives each one's perplexity, and how far its distributions are from float32's.
 */

import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { parseModelFiles, readModelSource } from '../src/engine/model-directory.ts';
import { readDecoderShape } from '../src/graph/checkpoint.ts';
import { ChatTemplate } from '../src/text/chat-template.ts';
import { Tokenizer } from '../src/text/tokenizer.ts';
import { chooseTemplateSources } from '../src/text/tokenizer-files.ts';
import { openForm, type RowSource } from './logit-rows.ts';

type Flags = {
  readonly model: string;
  readonly records?: string;
  readonly text?: string;
  readonly ids?: string;
  readonly forms: string;
  readonly tokens: string;
};

type Sums = {
  readonly form: string;
  lossSum: number;
  divergences: number[];
  agreeing: number;
  worst: number;
  rows: number;
};

/** Tokens computed at once: their whole rows of logits leave the graph. */
const CHUNK_TOKENS = 64;

async function tokenSequences(flags: Flags): Promise<readonly (readonly number[])[]> {
  if (flags.ids !== undefined) {
    const oracle = JSON.parse(await readFile(flags.ids, 'utf8')) as { prompts: { tokenIds: number[] }[] };
    return oracle.prompts.map(({ tokenIds }) => tokenIds);
  }
  const files = parseModelFiles(await readModelSource(flags.model));
  const tokenizer = new Tokenizer(files.tokenizer);
  const encode = (text: string): number[] => [
    ...tokenizer.encode(text, { addSpecialTokens: true, parseSpecialTokens: true }),
  ];
  if (flags.text !== undefined) return cut(encode(await readFile(flags.text, 'utf8')));
  if (flags.records === undefined) throw new Error('give --records, --text or --ids');
  const sources = chooseTemplateSources({
    templateFile: files.templateFile,
    toolTemplateFile: null,
    tokenizerConfig: files.tokenizer.tokenizerConfig,
  });
  if (sources === null) throw new Error('the model has no chat template');
  const specialTokenTexts = tokenizer.addedTokens
    .filter(({ special }) => special)
    .map(({ content }) => content);
  const template = new ChatTemplate({
    source: sources.plain,
    namedSpecialTokens: tokenizer.namedSpecialTokens,
    specialTokenTexts,
  });
  const lines = (await readFile(flags.records, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { messages, text } = JSON.parse(line);
    if (messages === undefined) return encode(text);
    const options = { addGenerationPrompt: false, continueFinalMessage: false, tools: [], variables: {} };
    return encode(template.render(messages, options).text);
  });
}

const WINDOW_TOKENS = 512;

function cut(ids: readonly number[]): readonly (readonly number[])[] {
  const windows: (readonly number[])[] = [];
  for (let from = 0; from < ids.length; from += WINDOW_TOKENS)
    windows.push(ids.slice(from, from + WINDOW_TOKENS));
  return windows;
}

/** log(sum(exp)) of a row, in float64. */
function logSumExp(row: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > largest) largest = value;
  let sum = 0;
  for (const value of row) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/** Kullback and Leibler's divergence of `other` from `reference`, in nats. */
function divergence(reference: Float32Array, other: Float32Array): number {
  const [referenceSum, otherSum] = [logSumExp(reference), logSumExp(other)];
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const logP = reference[i]! - referenceSum;
    sum += Math.exp(logP) * (logP - (other[i]! - otherSum));
  }
  return sum;
}

function indexOfLargest(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

function add(sums: Sums, reference: Float32Array, row: Float32Array, nextToken: number | undefined): void {
  if (nextToken !== undefined) sums.lossSum += logSumExp(row) - row[nextToken]!;
  sums.divergences.push(divergence(reference, row));
  if (indexOfLargest(reference) === indexOfLargest(row)) sums.agreeing++;
  for (let i = 0; i < row.length; i++) sums.worst = Math.max(sums.worst, Math.abs(row[i]! - reference[i]!));
  sums.rows++;
}

async function measure(
  sources: readonly RowSource[],
  sequences: readonly (readonly number[])[],
  tokenCountMax: number,
): Promise<readonly Sums[]> {
  const all = sources.map(
    ({ form }): Sums => ({ form, lossSum: 0, divergences: [], agreeing: 0, worst: 0, rows: 0 }),
  );
  for (const ids of sequences) {
    if (all[0]!.rows >= tokenCountMax) break;
    for (let from = 0; from < ids.length - 1; from += CHUNK_TOKENS) {
      const chunk = ids.slice(from, Math.min(from + CHUNK_TOKENS, ids.length - 1));
      const rows: Float32Array[][] = [];
      for (const source of sources) rows.push(await source.rows(chunk, from));
      for (const [i, sums] of all.entries())
        for (const token of chunk.keys())
          add(sums, rows[0]![token]!, rows[i]![token]!, ids[from + token + 1]);
    }
  }
  return all;
}

function line({ form, lossSum, divergences, agreeing, worst, rows }: Sums): string {
  const sorted = divergences.toSorted((a, b) => a - b);
  const mean = divergences.reduce((sum, value) => sum + value, 0) / rows;
  const cells = [
    form,
    Math.exp(lossSum / rows).toFixed(4),
    mean.toExponential(2),
    sorted[Math.floor(0.99 * (rows - 1))]!.toExponential(2),
    `${((100 * agreeing) / rows).toFixed(2)} %`,
    worst.toFixed(3),
  ];
  return `| ${cells.join(' | ')} |`;
}

async function main(): Promise<void> {
  const flags = new Command('quality')
    .requiredOption('--model <directory>', 'checkpoint')
    .option('--records <file>', 'JSON lines with "messages", rendered by the chat template, or "text"')
    .option('--text <file>', 'plain text, cut into windows of 512 tokens')
    .option('--ids <file>', 'oracle.json of a test checkpoint')
    .option('--forms <list>', 'compared with float32; form+type: with a KV cache of that type', 'w8a8,int4')
    .option('--tokens <n>', 'ends after the sequence that reaches so many', '20000')
    .parse()
    .opts<Flags>();
  const shape = await readDecoderShape(flags.model);
  const sequences = await tokenSequences(flags);
  const modelLengthMax = Math.min(shape.positionsMax, Math.max(...sequences.map(({ length }) => length)) + 1);
  const cacheDirectory = path.join(os.tmpdir(), 'octavo-quality');
  const sources: RowSource[] = [];
  for (const form of ['none', ...flags.forms.split(',')])
    sources.push(await openForm(flags.model, shape, { form, modelLengthMax, cacheDirectory }));
  const all = await measure(sources, sequences, Number(flags.tokens));
  console.log(`${path.basename(flags.model)}: ${all[0]!.rows} tokens\n`);
  console.log('| weights | perplexity | mean KL divergence | 99 % | same best token | largest difference |');
  console.log('|---|---|---|---|---|---|');
  for (const sums of all) console.log(line(sums));
}

await main();
