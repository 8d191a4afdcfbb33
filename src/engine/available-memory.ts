/**
 * Memory that this process can still take. Node counts pages that the system keeps of files as taken where a control group
 * has a limit, and on macOS, which leaves hardly a page unused; as free elsewhere. They are free: a checkpoint that was fetched,
 * or converted, within a container fills its limit with them.
 */

import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { ownControlGroup, type ReadText, readText } from '../base/control-group.ts';

export type MemoryFacts = {
  /** What the machine has left, pages of files not counted as taken. */
  readonly machineBytes: number;
  /** What Node says that the process may take. */
  readonly processBytes: number;
  readonly read: ReadText;
  /** What `vm_stat` tells, which macOS has; absent elsewhere. */
  readonly vmStat?: string | null;
};

/** It answers within milliseconds. */
const VM_STAT_MS = 5_000;

/** Bytes; of what is true now. */
export function availableMemory(facts: MemoryFacts = thisProcess()): number {
  const { machineBytes, processBytes, read, vmStat } = facts;
  if (typeof vmStat === 'string') return Math.max(processBytes, reusableBytes(vmStat));
  return Math.min(machineBytes, processBytes + filePageBytes(read));
}

/** Bytes that this process may ever have: those of the machine, or of its container. */
export function wholeMemory(): number {
  // Where there is no limit, Node tells none, or one beyond all machines.
  return Math.min(os.totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
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

/** Pages of files that count as the process' own control group's. */
function filePageBytes(read: ReadText): number {
  const own = ownControlGroup(read, 'memory');
  if (own === null) return 0;
  const { version, root, group } = own;
  const told = read(path.join(root, group, 'memory.stat')) ?? read(path.join(root, 'memory.stat')) ?? '';
  // Those of groups below among them, which the second version counts by itself.
  const prefix = version === 1 ? 'total_' : '';
  let bytes = 0;
  for (const [, name, value] of told.matchAll(/^(\S+) (\d+)$/gm)) {
    if (name === `${prefix}inactive_file` || name === `${prefix}active_file`) bytes += Number(value);
  }
  return bytes;
}
