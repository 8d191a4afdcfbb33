import { describe, expect, it } from 'vitest';
import { diskRoom } from '../../src/graph/disk-room.ts';

const EXT4 = 0xef53;
const facts = { type: EXT4, bsize: 4096, blocks: 1000, bfree: 90, bavail: 40, files: 9, ffree: 9 };

describe('the room on a file system', () => {
  it('is what it gives to anybody', () => {
    expect(diskRoom(facts, false)).toBe(40 * 4096);
  });

  it('is for root also what is kept back from others', () => {
    expect(diskRoom(facts, true)).toBe(90 * 4096);
  });

  it.each([
    ['btrfs', 0x9123683e],
    ['ZFS', 0x2fc12fc1],
    ['bcachefs', 0xca451a4e],
  ])('is not known on %s, which may compress what is written', (_, type) => {
    expect(diskRoom({ ...facts, type }, false)).toBeNull();
  });

  it.each([
    ['has no blocks', { blocks: 0, bfree: 0, bavail: 0 }],
    ['tells of no free ones, as file systems over a network may', { bfree: 0, bavail: 0 }],
  ])('is not known where it %s', (_, told) => {
    expect(diskRoom({ ...facts, ...told }, false)).toBeNull();
  });
});
