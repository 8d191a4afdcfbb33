import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasMoreValues, isNestedDeeper } from '../../src/routes/json-structure.ts';

const SEED = 20_260_823;
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Of a parsed document: its depth, and its values as commas and brackets count them. */
function measure(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 0 };
  const inner = Object.values(value).map(measure);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values: 1 + Math.max(0, inner.length - 1) + inner.reduce((sum, { values }) => sum + values, 0),
  };
}

describe('the structure of JSON text', () => {
  it('is told from its bytes as from the parsed document, whatever its strings hold', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^["\\\\,[\]{}]*$/));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.array(tie('tree')),
        fc.dictionary(text, tie('tree'), { noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const { depth, values } = measure(value);
        const json = bytesOf(value);
        expect(hasMoreValues(json, values + 1)).toBe(false);
        if (json.length > values) expect(hasMoreValues(json, values)).toBe(true);
        expect(isNestedDeeper(json, depth)).toBe(false);
        if (depth > 0) expect(isNestedDeeper(json, depth - 1)).toBe(true);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it.each(['"', '"\\\\', '[[[', ']]]]', '{"a', ''])('has an end for text that is not JSON: %j', (text) => {
    expect(hasMoreValues(Buffer.from(text), 100)).toBe(false);
    expect(isNestedDeeper(Buffer.from(text), 100)).toBe(false);
  });
});
