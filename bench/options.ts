/** Options that several scenarios have, and how their values are read. */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
}

export const positiveIntegers = (text: string): number[] => text.split(',').map(positiveInteger);

function httpUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'http:') return text;
  throw new InvalidArgumentError('must be a URL, http://host:port');
}

/** `--name <n>`, a whole number above 0. */
export function countOption(name: string, description: string, preset: number): Option {
  return new Option(`--${name} <n>`, description).argParser(positiveInteger).default(preset);
}

export const urlOption = (name: string, description: string): Option =>
  new Option(`--${name} <url>`, description).argParser(httpUrl);

export type LaunchFlags = { readonly model?: string; readonly launch: 'node' | 'npm' };

export const modelOption = (): Option =>
  new Option('--model <directory>', 'checkpoint; the one that ships with Octavo by default');

/** For scenarios that must start the server themselves. */
export const launchOptions = (): readonly Option[] => [
  modelOption(),
  new Option('--launch <how>', 'how the server is started: node (dist/cli.js) or npm (npm start)')
    .choices(['node', 'npm'])
    .default('node'),
];

export type ServerFlags = LaunchFlags & { readonly url?: string; readonly apiKey?: string };

/** For scenarios that need nothing of the server but its HTTP side. */
export const serverOptions = (): readonly Option[] => [
  urlOption('url', 'server that runs already, http://host:port; without it one is started and ended'),
  new Option('--api-key <key>', 'sent as bearer token'),
  ...launchOptions().map((option) => option.conflicts('url')),
];

export type FormFlags = { readonly quantization: string };

export const formOption = (): Option =>
  new Option('--quantization <form>', 'form of the weights, as octavo serve takes it').default('auto');

export type FormsFlags = { readonly quantization: readonly string[] };

export const formsOption = (preset: string): Option =>
  new Option('--quantization <list>', 'forms of the weights, one after the other in turns')
    .argParser((text: string) => text.split(','))
    .default(preset.split(','), preset);

export const repeatsOption = (preset: number): Option =>
  countOption('repeats', 'runs of each kind, interleaved', preset);

export const seedOption = (): Option =>
  new Option('--seed <n>', 'decides the prompts').argParser(positiveInteger).default(Date.now(), 'the time');

export type LoadFlags = {
  readonly concurrency: readonly number[];
  readonly requests?: number;
  readonly requestsPerStream: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly repeats: number;
  readonly idleWait: number;
  readonly seed: number;
  readonly chart?: string;
};

export type LoadPresets = {
  readonly concurrency: readonly number[];
  readonly tokens: number;
  readonly requestsPerStream: number;
  readonly repeats: number;
};

/** For scenarios that put streams on subjects. */
export const loadOptions = (presets: LoadPresets): readonly Option[] => [
  new Option('--concurrency <list>', 'streams at once')
    .argParser(positiveIntegers)
    .default([...presets.concurrency], presets.concurrency.join(',')),
  new Option('--requests <n>', 'requests in one run, at every concurrency').argParser(positiveInteger),
  countOption('requests-per-stream', 'requests in one run for each stream', presets.requestsPerStream),
  countOption('prompt-tokens', 'about so many, chat template included', presets.tokens),
  countOption('output-tokens', 'exactly so many', presets.tokens),
  repeatsOption(presets.repeats),
  countOption('idle-wait', 'seconds that a run waits for other work on the machine to end', 5),
  seedOption(),
  new Option('--chart <file>', 'throughput and latency against concurrency, as SVG'),
];

/** Command of `octavo serve` and its arguments. */
export function launchOf({ model, launch }: LaunchFlags, serverArguments: readonly string[] = []) {
  const command =
    launch === 'npm'
      ? ['npm', 'start', '--prefix', ROOT, '--']
      : [process.execPath, path.join(ROOT, 'dist', 'cli.js'), 'serve'];
  const named = model === undefined ? [] : ['--model', model];
  return { command, serverArguments: [...named, ...serverArguments] };
}
