/**
 * What `gpu-check` does on a device, part by part, each in a process of its own: a kernel that brings the process down, or
 * leaves a device unusable in it, costs that part and no other. What a part has found is told at once, so that a part
 * which does not come to its end has told what it did find.
 */

import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import type { Correctness, PagedDevice } from './gpu-correctness.ts';
import type { SizeName, SpeedFinding } from './gpu-speed.ts';

export type Part =
  | { readonly kind: 'logits'; readonly type: 'float16' | 'bfloat16'; readonly blockSize: number }
  | { readonly kind: 'packed' }
  | { readonly kind: 'answers' }
  | { readonly kind: 'serving'; readonly size: SizeName }
  | { readonly kind: 'speed'; readonly size: SizeName; readonly isSoftware: boolean }
  | { readonly kind: 'operators'; readonly size: SizeName; readonly isSoftware: boolean };

export const PART_KINDS = ['logits', 'packed', 'answers', 'serving', 'speed', 'operators'] as const;
export type PartKind = (typeof PART_KINDS)[number];

export type PartCall = {
  readonly part: Part;
  readonly device: PagedDevice;
  /** For the random model, converted weights and caches. */
  readonly workDirectory: string;
};

export type Finding = ({ readonly kind: 'row' } & Correctness) | SpeedFinding;

/** Larger than any fast kernel asks for, and the smallest. */
const BLOCK_SIZES = [32, 256] as const;
/** Making the model of the largest size and converting it takes the most of it. */
const PART_MS_MAX = 20 * 60_000;
/** For its own end, before the system's. */
const GRACE_MS = 10_000;
const LAST_WORDS_MS = 500;
const ERROR_CHARACTERS_KEPT = 600;

export function partsOf(device: PagedDevice, size: SizeName, isSoftware: boolean): readonly Part[] {
  const types = device === 'cuda' ? (['float16', 'bfloat16'] as const) : (['float16'] as const);
  return [
    ...types.flatMap((type) =>
      BLOCK_SIZES.map((blockSize) => ({ kind: 'logits', type, blockSize }) as const),
    ),
    { kind: 'packed' },
    { kind: 'answers' },
    { kind: 'speed', size, isSoftware },
    { kind: 'operators', size, isSoftware },
    { kind: 'serving', size },
  ];
}

/** Resolves when the part has ended, also by a failure, which is told as a row of the table. */
export async function runPart(call: PartCall, tell: (finding: Finding) => void): Promise<void> {
  const script = path.join(import.meta.dirname, 'gpu-part.ts');
  const child = fork(script, [JSON.stringify(call)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  child.on('message', (finding: Finding) => tell(finding));
  const lastWords = keepLastWords(child);
  let isLate = false;
  const timers = [
    setTimeout(() => {
      isLate = child.kill('SIGTERM');
    }, PART_MS_MAX),
    setTimeout(() => child.kill('SIGKILL'), PART_MS_MAX + GRACE_MS),
  ];
  const ended = await new Promise<string | null>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      const how = isLate
        ? `ended after ${PART_MS_MAX / 60_000} minutes`
        : `ended with ${signal ?? `code ${code}`}`;
      resolve(code === 0 ? null : how);
    };
    // What it started may hold its output open; its last words are here soon after its end, if not before.
    child.once('exit', (code, signal) => setTimeout(() => end(code, signal), LAST_WORDS_MS));
    child.once('close', end);
    child.once('error', (error) => resolve(error.message));
  });
  for (const timer of timers) clearTimeout(timer);
  if (ended !== null)
    tell({ kind: 'row', name: nameOf(call.part), passed: false, detail: ended + lastWords() });
}

function nameOf(part: Part): string {
  return part.kind === 'logits' ? `logits, ${part.type}, blocks of ${part.blockSize}` : part.kind;
}

/** What the part says goes on to the terminal, and its end into the table. */
function keepLastWords({ stderr }: ChildProcess): () => string {
  let kept = '';
  stderr?.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    kept = (kept + chunk.toString()).slice(-ERROR_CHARACTERS_KEPT);
  });
  return () => (kept === '' ? '' : `: ${kept.replace(/\s+/g, ' ').trim()}`);
}
