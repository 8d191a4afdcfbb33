import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopMatcher } from '../../src/text/stop-matcher.ts';

type Outcome = { readonly text: string; readonly matched: boolean };

function run(stops: readonly string[], deltas: readonly string[]): Outcome {
  const matcher = new StopMatcher(stops);
  let text = '';
  for (const delta of deltas) {
    const result = matcher.push(delta);
    text += result.text;
    if (result.matched) return { text, matched: true };
  }
  return { text: text + matcher.flush(), matched: false };
}

/** The stop string that is complete first; of several, the longest. By `indexOf` over the whole text. */
function oracle(stops: readonly string[], text: string): Outcome {
  const found = stops
    .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
    .filter((each) => each.start >= 0)
    .sort((a, b) => a.start + a.length - (b.start + b.length) || a.start - b.start);
  const first = found[0];
  return first === undefined ? { text, matched: false } : { text: text.slice(0, first.start), matched: true };
}

/** Text that ends with a proper beginning of a stop string, as long as possible. */
function longestBeginning(stops: readonly string[], text: string): number {
  for (
    let length = Math.min(text.length, Math.max(...stops.map((stop) => stop.length)) - 1);
    length > 0;
    length--
  ) {
    if (stops.some((stop) => stop.length > length && stop.startsWith(text.slice(-length)))) return length;
  }
  return 0;
}

const stopStrings = fc.array(
  fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 }),
  {
    minLength: 1,
    maxLength: 4,
  },
);
const deltas = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 5 }), { maxLength: 20 });

describe('StopMatcher', () => {
  it('tells whether what may come next would end the text, and takes nothing in', () => {
    const ahead = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(stopStrings, deltas, ahead, fc.nat(12), (stops, before, next, cut) => {
        const matcher = new StopMatcher(stops);
        fc.pre(before.every((delta) => !matcher.push(delta).matched));
        const { heldLength } = matcher;
        const from = Math.min(cut, next.length);
        const isMatched = matcher.wouldMatch(next.slice(0, from), 0) || matcher.wouldMatch(next, from);
        expect(matcher.heldLength).toBe(heldLength);
        expect(matcher.push(next).matched).toBe(isMatched);
      }),
    );
  });

  it('finds what indexOf finds in the whole text, however it was cut', () => {
    fc.assert(
      fc.property(stopStrings, deltas, (stops, parts) => {
        expect(run(stops, parts)).toEqual(oracle(stops, parts.join('')));
      }),
      { numRuns: 3000 },
    );
  });

  it('holds back exactly what may still become a stop string', () => {
    fc.assert(
      fc.property(stopStrings, deltas, (stops, parts) => {
        const matcher = new StopMatcher(stops);
        let seen = '';
        for (const part of parts) {
          seen += part;
          if (matcher.push(part).matched) return;
          expect(matcher.heldLength).toBe(longestBeginning(stops, seen));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('lets text through at once when nothing can match', () => {
    const matcher = new StopMatcher(['STOP']);
    expect(matcher.push('Hello')).toEqual({ text: 'Hello', matched: false });
    expect(matcher.push(' S')).toEqual({ text: ' ', matched: false });
    expect(matcher.push('T')).toEqual({ text: '', matched: false });
    expect(matcher.push('Ada')).toEqual({ text: 'STAda', matched: false });
  });

  it('gives what it held back when it is flushed, and begins anew', () => {
    const matcher = new StopMatcher(['STOP']);
    expect(matcher.push('ST').text).toBe('');
    expect(matcher.flush()).toBe('ST');
    expect(matcher.push('OP!')).toEqual({ text: 'OP!', matched: false });
  });

  it('drops everything from the stop string on', () => {
    expect(run(['\n\n'], ['one\n', '\ntwo'])).toEqual({ text: 'one', matched: true });
  });

  it('never matches an empty stop string, nor half of a surrogate pair', () => {
    expect(run(['', '\ude00'], ['a😀b'])).toEqual({ text: 'a😀b', matched: false });
  });

  it('cuts no surrogate pair', () => {
    const matcher = new StopMatcher(['😀!']);
    expect(matcher.push('x😀')).toEqual({ text: 'x', matched: false });
    expect(matcher.push('😁')).toEqual({ text: '😀😁', matched: false });
    expect(matcher.flush()).toBe('');
  });

  it('looks at each character a bounded number of times, also for the worst stop strings', () => {
    const stop = `${'a'.repeat(1023)}b`;
    const matcher = new StopMatcher([stop, stop.slice(1), stop.slice(2), stop.slice(3)]);
    let shown = 0;
    for (let i = 0; i < 20_000; i++) shown += matcher.push('aaaaaaaaaa').text.length;
    expect(shown).toBe(200_000 - 1023);
  });
});
