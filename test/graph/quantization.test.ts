import { describe, expect, it } from 'vitest';
import { chooseRecipe } from '../../src/graph/quantization.ts';
import type { StoredTensors } from '../../src/graph/safetensors.ts';

function checkpointOf(weightCount: number): StoredTensors {
  const tensor = { file: 'model.safetensors', elementType: 'BF16', offset: 0 } as const;
  return new Map([['weight', { ...tensor, shape: [weightCount], byteLength: 2 * weightCount }]]);
}

const small = checkpointOf(99_999_999);
const large = checkpointOf(100_000_000);

describe('the form of the weights', () => {
  it('is by default w8a8 from 100 million weights up, else float32', () => {
    expect(chooseRecipe('auto', small)).toBeNull();
    expect(chooseRecipe('auto', large)).toBe('w8a8');
  });

  it('is what was asked for, whatever the size', () => {
    expect(chooseRecipe('int4', small)).toBe('int4');
    expect(chooseRecipe('none', large)).toBeNull();
  });
});
