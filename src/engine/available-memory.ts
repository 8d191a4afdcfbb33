/**
 * Memory that this process can still take. Node counts pages that the system keeps of files as taken where a control group
 * has a limit, and on macOS, which leaves hardly a page unused; as free elsewhere. They are free: a checkpoint that was fetched,
 * or converted, within a container fills its limit with them.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type MemoryFacts = {
  /** What the machine has left, pages of files not counted as taken. */
  readonly machineBytes: number;
  /** What Node says that the process may take. */
  readonly processBytes: number;
  /** @returns the text of a file; `null` where there is none */
  readonly read: (file: string) => string | null;
  /** What `vm_stat` tells, which macOS has; absent elsewhere. */
  readonly vmStat?: string | null;
};

/** It answers within milliseconds. */
const VM_STAT_MS = 5_000;
const GROUPS = '/sys/fs/cgroup';

/** Bytes; of what is true now. */
export function availableMemory(facts: MemoryFacts = thisProcess()): number {
  const { machineBytes, processBytes, read, vmStat } = facts;
  if (typeof vmStat === 'string') return Math.max(processBytes, reusableBytes(vmStat));
  return Math.min(machineBytes, processBytes + filePageBytes(read));
}

function thisProcess(): MemoryFacts {
  const facts = { machineBytes: os.freemem(), processBytes: process.availableMemory(), read: readText };
  return process.platform === 'darwin' ? { ...facts, vmStat: askVmStat() } : facts;
}

function askVmStat(): string | null {
  try {
    return execFileSync('/usr/bin/vm_stat', { encoding: 'utf8', timeout: VM_STAT_MS });
  } catch {
    return null;
  }
}

/** What macOS gives away without writing anything out, as libuv counts it from 1.52 on; 0 of a text that tells nothing. */
function reusableBytes(vmStat: string): number {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(vmStat)?.[1] ?? 0);
  let pages = 0;
  for (const [, count] of vmStat.matchAll(/^Pages (?:free|inactive|speculative|purgeable): +(\d+)/gm)) {
    pages += Number(count);
  }
  return pages * pageBytes;
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** Pages of files that count as the process' own control group's. */
function filePageBytes(read: MemoryFacts['read']): number {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const first = lines.find(([, controllers]) => controllers?.split(',').includes('memory'));
  if (first !== undefined)
    return pagesOf(read, path.join(GROUPS, 'memory'), first.slice(2).join(':'), 'total_');
  const second = lines.find(([hierarchy]) => hierarchy === '0');
  return second === undefined ? 0 : pagesOf(read, GROUPS, second.slice(2).join(':'), '');
}

/** A container sees its own group at the root, and may be told of the path that it has outside. */
function pagesOf(read: MemoryFacts['read'], root: string, group: string, prefix: string): number {
  const told = read(path.join(root, group, 'memory.stat')) ?? read(path.join(root, 'memory.stat')) ?? '';
  let bytes = 0;
  for (const [, name, value] of told.matchAll(/^(\S+) (\d+)$/gm)) {
    if (name === `${prefix}inactive_file` || name === `${prefix}active_file`) bytes += Number(value);
  }
  return bytes;
}
