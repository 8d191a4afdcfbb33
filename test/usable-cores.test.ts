import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { usableCores } from '../src/usable-cores.ts';

const CORES = 64;

function cores(files: Readonly<Record<string, string>>): number {
  return usableCores({ parallelism: CORES, read: (file) => files[file] ?? null });
}

describe('the cores that a process may use', () => {
  it.each([
    ['200000 100000', 2],
    ['150000 100000', 1],
    ['50000 100000', 1],
    ['max 100000', CORES],
    ['9900000 100000', CORES],
  ])('are those of its container, which is given %j', (quota, expected) => {
    expect(cores({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': `${quota}\n` })).toBe(expected);
    // A container that is told of the path that it has outside.
    const outside = '0::/system.slice/docker-abc.scope\n';
    expect(cores({ '/proc/self/cgroup': outside, '/sys/fs/cgroup/cpu.max': `${quota}\n` })).toBe(expected);
  });

  it('are no more than those of the group that its own is in', () => {
    const files = {
      '/proc/self/cgroup': '0::/a.slice/b.service\n',
      '/sys/fs/cgroup/a.slice/cpu.max': '300000 100000\n',
      '/sys/fs/cgroup/a.slice/b.service/cpu.max': 'max 100000\n',
    };
    expect(cores(files)).toBe(3);
  });

  it('are those of the first version of control groups, too', () => {
    const group = { '/proc/self/cgroup': '12:pids:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n' };
    const files = (folder: string, quota: string) => ({
      ...group,
      [`${folder}/cpu.cfs_quota_us`]: `${quota}\n`,
      [`${folder}/cpu.cfs_period_us`]: '100000\n',
    });
    expect(cores(files('/sys/fs/cgroup/cpu/docker/abc', '400000'))).toBe(4);
    expect(cores(files('/sys/fs/cgroup/cpu', '400000'))).toBe(4);
    expect(cores(files('/sys/fs/cgroup/cpu', '-1'))).toBe(CORES);
  });

  it('are all that it may run on where nothing is told of groups', () => {
    expect(cores({})).toBe(CORES);
    expect(usableCores()).toBeGreaterThanOrEqual(1);
    expect(usableCores()).toBeLessThanOrEqual(os.availableParallelism());
  });
});
