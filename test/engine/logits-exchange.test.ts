import { describe, expect, it } from 'vitest';
import { orderEqual } from '../../src/engine/logits-exchange.ts';

describe('candidates of equal logits', () => {
  it('come in order of their ids, within their row', () => {
    const logits = Float32Array.of(5, 3, 3, 3, 1, 3, 3, 2, 2, 0);
    const ids = Int32Array.of(70, 9, 4, 6, 2, 8, 1, 7, 3, 5);
    orderEqual(logits, ids, 5);
    expect([...ids]).toEqual([70, 4, 6, 9, 2, 1, 8, 3, 7, 5]);
  });
});
