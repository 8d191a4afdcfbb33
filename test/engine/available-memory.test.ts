import os from 'node:os';
import { describe, expect, it } from 'vitest';
import { availableMemory } from '../../src/engine/available-memory.ts';

const GIB = 2 ** 30;

function available(files: Readonly<Record<string, string>>, machineBytes = 64 * GIB): number {
  return availableMemory({ machineBytes, processBytes: GIB, read: (file) => files[file] ?? null });
}

describe('available memory', () => {
  it('has the pages of files that fill the limit of a control group', () => {
    const stat = `anon 4096\nfile ${7 * GIB}\ninactive_file ${5 * GIB}\nactive_file ${2 * GIB}\nslab 100\n`;
    expect(available({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.stat': stat })).toBe(8 * GIB);
    const service = { '/proc/self/cgroup': '0::/system.slice/octavo.service\n' };
    const file = '/sys/fs/cgroup/system.slice/octavo.service/memory.stat';
    expect(available({ ...service, [file]: stat, '/sys/fs/cgroup/memory.stat': 'active_file 1\n' })).toBe(
      8 * GIB,
    );
  });

  it('has them of the first version of control groups, those of groups below among them', () => {
    const group = '12:pids:/docker/abc\n4:memory:/docker/abc\n0::/\n';
    const stat = `inactive_file 1\nactive_file 1\ntotal_inactive_file ${GIB}\ntotal_active_file ${GIB}\n`;
    expect(
      available({ '/proc/self/cgroup': group, '/sys/fs/cgroup/memory/docker/abc/memory.stat': stat }),
    ).toBe(3 * GIB);
    // As seen from within the container.
    expect(available({ '/proc/self/cgroup': group, '/sys/fs/cgroup/memory/memory.stat': stat })).toBe(
      3 * GIB,
    );
  });

  it('is never more than the machine has left', () => {
    const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.stat': `active_file ${9 * GIB}\n` };
    expect(available(files, 2 * GIB)).toBe(2 * GIB);
    expect(available({}, GIB / 2)).toBe(GIB / 2);
  });

  it('is what Node says where there are no control groups', () => {
    expect(available({})).toBe(GIB);
  });

  it('has what macOS gives away, where next to nothing is unused', () => {
    const vmStat = [
      'Mach Virtual Memory Statistics: (page size of 16384 bytes)',
      'Pages free:                                4096.',
      'Pages active:                            135012.',
      'Pages inactive:                          131072.',
      'Pages speculative:                         8192.',
      'Pages throttled:                              0.',
      'Pages wired down:                         98304.',
      'Pages purgeable:                          16384.',
      '"Translation faults":                 123456789.',
    ].join('\n');
    const facts = { machineBytes: GIB / 16, processBytes: GIB / 16, read: () => null };
    expect(availableMemory({ ...facts, vmStat })).toBe((4096 + 131_072 + 8192 + 16_384) * 16_384);
    expect(availableMemory({ ...facts, vmStat: 'of another form' })).toBe(GIB / 16);
    expect(availableMemory({ ...facts, vmStat: null })).toBe(GIB / 16);
  });

  it('is told of this machine', () => {
    const bytes = availableMemory();
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(os.totalmem());
  });
});
