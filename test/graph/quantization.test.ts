import { describe, expect, it } from 'vitest';
import { chooseRecipe, hasExactIntegerProducts } from '../../src/graph/quantization.ts';
import type { StoredTensors } from '../../src/graph/safetensors.ts';

function checkpointOf(weightCount: number): StoredTensors {
  const tensor = { file: 'model.safetensors', elementType: 'BF16', offset: 0 } as const;
  return new Map([['weight', { ...tensor, shape: [weightCount], byteLength: 2 * weightCount }]]);
}

const small = checkpointOf(99_999_999);
const large = checkpointOf(100_000_000);

describe('the form of the weights', () => {
  it('is by default w8a8 from 100 million weights up, else float32', () => {
    expect(chooseRecipe('auto', small, true)).toBeNull();
    expect(chooseRecipe('auto', large, true)).toBe('w8a8');
  });

  it('is what was asked for, whatever the size', () => {
    expect(chooseRecipe('int4', small, true)).toBe('int4');
    expect(chooseRecipe('none', large, true)).toBeNull();
  });

  it('is by default float32 where integer products overflow, and an error where they were asked for', () => {
    expect(chooseRecipe('auto', large, false)).toBeNull();
    expect(() => chooseRecipe('w8a8', large, false)).toThrow(/VNNI/);
  });
});

describe('integer products', () => {
  it.each([
    ['x64', 'flags : sse4_2 avx512f avx512_vnni', true],
    ['x64', 'flags : avx2 avx_vnni', true],
    ['x64', 'flags : avx2 fma', false],
    ['x64', null, false],
    ['arm64', null, true],
  ] as const)('on %s with "%s" are exact: %s', (architecture, cpuInfo, exact) => {
    expect(hasExactIntegerProducts(architecture, cpuInfo)).toBe(exact);
  });
});
