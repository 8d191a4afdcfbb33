/** Running a judge's commands: bounded in time, its whole process group ended, everything written to a log. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Command, Finished } from './judge.ts';

export type RunOptions = {
  readonly directory: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Appended to. */
  readonly log: string;
  readonly limitSeconds: number;
};

/** @throws {Error} when it ran past its limit or could not be started. */
export async function run([program, ...args]: Command, options: RunOptions): Promise<Finished> {
  const log = createWriteStream(options.log, { flags: 'a' });
  log.write(`\n$ ${program} ${args.join(' ')}\n`);
  const child = spawn(program, args, {
    cwd: options.directory,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stdout = '';
  let isLate = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    log.write(text);
  });
  child.stderr.on('data', (bytes: Buffer) => log.write(bytes));
  const timer = setTimeout(() => {
    isLate = true;
    process.kill(-child.pid!, 'SIGKILL');
  }, options.limitSeconds * 1000);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (isLate) throw new Error(`${program} ran longer than ${options.limitSeconds} s; see ${options.log}`);
    return { code, stdout };
  } finally {
    clearTimeout(timer);
    log.end();
  }
}

export function isOnPath(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}
