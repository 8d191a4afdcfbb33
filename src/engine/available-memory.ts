/**
 * Memory that this process can still take. Node counts pages that the system keeps of files as taken where a control group
 * has a limit, and as free where none has. They are free: a checkpoint that was fetched, or converted, within a container fills
 * its limit with them.
 */

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
};

const GROUPS = '/sys/fs/cgroup';

/** Bytes; of what is true now. */
export function availableMemory(facts: MemoryFacts = thisProcess()): number {
  const { machineBytes, processBytes, read } = facts;
  return Math.min(machineBytes, processBytes + filePageBytes(read));
}

function thisProcess(): MemoryFacts {
  return { machineBytes: os.freemem(), processBytes: process.availableMemory(), read: readText };
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
