/** The facts without which a figure means nothing: machine, load, versions, revision. */

import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

export type MachineFacts = {
  readonly startedAt: string;
  readonly cpuModel: string;
  readonly coreCount: number;
  readonly memoryGib: number;
  /** Of the last minute, before the benchmark began. Above 0.2 a core, something else was running. */
  readonly loadAverageBefore: number;
  readonly platform: string;
  readonly nodeVersion: string;
  /** `null` outside a git checkout. */
  readonly revision: string | null;
};

export function machineFacts(): MachineFacts {
  return {
    startedAt: new Date().toISOString(),
    cpuModel: cpus()[0]?.model ?? 'unknown',
    coreCount: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    loadAverageBefore: Math.round(loadavg()[0]! * 100) / 100,
    platform: `${process.platform} ${process.arch}`,
    nodeVersion: process.version,
    revision: revision(),
  };
}

function revision(): string | null {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}
