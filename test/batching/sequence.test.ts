import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../src/base/assert.ts';
import { isServedBefore } from '../../src/batching/sequence.ts';
import { aSequence } from './factories.ts';

describe('Sequence', () => {
  it('keeps every token while its buffer grows', () => {
    const sequence = aSequence({ promptTokenIds: Int32Array.of(5) });
    const output = Array.from({ length: 100 }, (_, index) => 700 + index);
    for (const token of output) sequence.append(token);
    expect([...sequence.tokenIds.subarray(0, sequence.length)]).toEqual([5, ...output]);
    expect(sequence.outputLength).toBe(100);
  });

  it('leaves the prompt of its request as it was', () => {
    const promptTokenIds = Int32Array.of(1, 2);
    const sequence = aSequence({ promptTokenIds });
    sequence.append(3);
    expect([...promptTokenIds]).toEqual([1, 2]);
    expect(sequence.promptLength).toBe(2);
  });

  it('has to compute everything again after a preemption', () => {
    const sequence = aSequence({ promptLength: 4 });
    sequence.admit(0);
    sequence.computedLength = 4;
    sequence.append(9);
    sequence.preempt();
    expect(sequence.snapshot()).toMatchObject({
      status: 'waiting',
      computedLength: 0,
      length: 5,
      preemptionCount: 1,
    });
    expect(sequence.pendingLength).toBe(5);
  });

  it('refuses transitions that make no sense', () => {
    const sequence = aSequence();
    expect(() => sequence.preempt()).toThrow(AssertionError);
    sequence.admit(0);
    expect(() => sequence.admit(0)).toThrow(AssertionError);
    sequence.finish('stop');
    expect(() => sequence.finish('abort')).toThrow(AssertionError);
    expect(sequence.finishReason).toBe('stop');
  });

  it('is served by priority, then by arrival', () => {
    const early = aSequence({ arrival: 1 });
    const late = aSequence({ arrival: 2 });
    const urgent = aSequence({ arrival: 3, priority: 0.5 });
    expect(isServedBefore(early, late)).toBe(true);
    expect(isServedBefore(late, early)).toBe(false);
    expect(isServedBefore(urgent, early)).toBe(true);
  });
});
