/** Where Linux tells of the control group that this process is in: a container, a service, or nothing but the machine. */

import { readFileSync } from 'node:fs';
import path from 'node:path';

/** @returns the text of a file; `null` where there is none */
export type ReadText = (file: string) => string | null;

export function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

export type ControlGroup = {
  readonly version: 1 | 2;
  /** The folder of the topmost group. */
  readonly root: string;
  /**
   * The path from there, as far as there is such a folder: a container sees its own group at the root, and may be told of the
   * path that it has outside.
   */
  readonly group: string;
};

const GROUPS = '/sys/fs/cgroup';

/** @returns the group that `controller` (`memory`, `cpu`) counts this process in; `null` where there are none */
export function ownControlGroup(read: ReadText, controller: string): ControlGroup | null {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const first = lines.find(([, controllers]) => controllers?.split(',').includes(controller));
  if (first !== undefined) {
    return { version: 1, root: path.join(GROUPS, controller), group: first.slice(2).join(':') };
  }
  const second = lines.find(([hierarchy]) => hierarchy === '0');
  return second === undefined ? null : { version: 2, root: GROUPS, group: second.slice(2).join(':') };
}
