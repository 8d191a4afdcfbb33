/**
 * How many cores this process may keep busy: no more than its control group has time for. Node 20 does not know that: a container
 * of two cores on a machine with 64 is told of 64, and as many threads would spend its time waiting for each other.
 */

import os from 'node:os';
import path from 'node:path';
import { type ControlGroup, ownControlGroup, type ReadText, readText } from './base/control-group.ts';

export type CoreFacts = {
  /** Cores that the process may run on. */
  readonly parallelism: number;
  readonly read: ReadText;
};

/** At least 1. A part of a core counts as none, as it does for Node. */
export function usableCores(facts: CoreFacts = thisProcess()): number {
  const { parallelism, read } = facts;
  const group = ownControlGroup(read, 'cpu');
  if (group === null) return parallelism;
  const quotas = foldersUpFrom(group).map((folder) => quotaOf(read, folder, group.version));
  return Math.max(1, Math.min(parallelism, Math.floor(Math.min(...quotas))));
}

function thisProcess(): CoreFacts {
  return { parallelism: os.availableParallelism(), read: readText };
}

/** The group's own folder and those of all that it is in: each may have a limit, and the lowest counts. */
function foldersUpFrom({ root, group }: ControlGroup): readonly string[] {
  const folders: string[] = [];
  for (
    let folder = path.posix.join(root, group);
    folder.startsWith(root);
    folder = path.posix.dirname(folder)
  ) {
    folders.push(folder);
  }
  return folders;
}

/** In cores; infinite where there is no limit. */
function quotaOf(read: ReadText, folder: string, version: ControlGroup['version']): number {
  const told =
    version === 2
      ? (read(path.posix.join(folder, 'cpu.max')) ?? '')
      : ['cpu.cfs_quota_us', 'cpu.cfs_period_us']
          .map((file) => read(path.posix.join(folder, file)))
          .join(' ');
  const [, quota, period] = /^(\d+)\s+(\d+)/.exec(told.trim()) ?? [];
  return quota === undefined ? Number.POSITIVE_INFINITY : Number(quota) / Number(period);
}
