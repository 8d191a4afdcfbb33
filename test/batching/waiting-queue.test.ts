import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { isServedBefore, type Sequence } from '../../src/batching/sequence.ts';
import { WaitingQueue } from '../../src/batching/waiting-queue.ts';
import { Dice } from '../simulation/dice.ts';
import { aSequence } from './factories.ts';

function takeAll(queue: WaitingQueue): number[] {
  const ids: number[] = [];
  for (let first = queue.first; first !== null; first = queue.first) {
    queue.remove(first);
    ids.push(first.sequenceId);
  }
  return ids;
}

describe('WaitingQueue', () => {
  it('gives back in order of arrival', () => {
    const queue = new WaitingQueue();
    for (const sequenceId of [3, 1, 2]) queue.add(aSequence({ sequenceId }));
    expect(takeAll(queue)).toEqual([1, 2, 3]);
    expect(queue.first).toBeNull();
  });

  it('puts a sequence that arrived earlier at the front of its priority', () => {
    const queue = new WaitingQueue();
    queue.add(aSequence({ sequenceId: 5 }));
    queue.add(aSequence({ sequenceId: 6, priority: 1 }));
    queue.add(aSequence({ sequenceId: 2 }));
    expect(takeAll(queue)).toEqual([6, 2, 5]);
  });

  it('removes from anywhere', () => {
    const queue = new WaitingQueue();
    const sequences = [1, 2, 3, 4, 5].map((sequenceId) => aSequence({ sequenceId }));
    for (const sequence of sequences) queue.add(sequence);
    queue.remove(sequences[2]!);
    queue.remove(sequences[0]!);
    expect(takeAll(queue)).toEqual([2, 4, 5]);
  });

  it('refuses to add twice and to remove what does not wait', () => {
    const queue = new WaitingQueue();
    const sequence = aSequence();
    expect(() => queue.remove(sequence)).toThrow(AssertionError);
    queue.add(sequence);
    expect(() => queue.add(sequence)).toThrow(AssertionError);
  });

  it('agrees with a sorted list through random use', () => {
    for (let seed = 0; seed < 40; seed++) {
      const dice = new Dice(seed);
      const queue = new WaitingQueue();
      const list: Sequence[] = [];
      for (let sequenceId = 1; sequenceId <= 60; sequenceId++) {
        if (list.length > 0 && dice.chance(0.45)) queue.remove(list.splice(dice.below(list.length), 1)[0]!);
        const sequence = aSequence({ sequenceId, priority: dice.below(3), arrival: dice.draw() });
        queue.add(sequence);
        list.push(sequence);
        list.sort((a, b) => (isServedBefore(a, b) ? -1 : 1));
        expect(queue.first, `seed ${seed}`).toBe(list[0]);
      }
      expect(queue.inOrder()).toEqual(list);
      expect(takeAll(queue)).toEqual(list.map((sequence) => sequence.sequenceId));
    }
  });
});
