import { describe, expect, it } from 'vitest';
import { DraftPace } from '../../src/batching/draft-pace.ts';

type Machine = {
  /** Milliseconds of a step of one row, and of each draft token more. */
  readonly plainMs: number;
  readonly tokenMs: number;
  /** Tokens of a draft, and how many of them are right. */
  readonly drafted: number;
  readonly right: number;
};

/** Runs steps of one row. @returns how many had drafts. */
function run(pace: DraftPace, { plainMs, tokenMs, drafted, right }: Machine, steps: number): number {
  let draftedSteps = 0;
  for (let step = 0; step < steps; step++) {
    const draftTokenCount = pace.pays(ONE) ? drafted : 0;
    if (draftTokenCount > 0) draftedSteps++;
    const chosenCount = draftTokenCount > 0 ? 1 + right : 1;
    pace.observe({ ...ONE, draftTokenCount, chosenCount }, plainMs + tokenMs * draftTokenCount);
  }
  return draftedSteps;
}

const ONE = { rowCount: 1, isPredicted: false };

const CHEAP: Machine = { plainMs: 40, tokenMs: 2, drafted: 7, right: 3 };
/** Two rows take twice as long as one. */
const DEAR: Machine = { plainMs: 20, tokenMs: 10, drafted: 3, right: 1 };

describe('DraftPace', () => {
  it('lets nearly every step have drafts where they pay', () => {
    expect(run(new DraftPace(), CHEAP, 330)).toBeGreaterThan(310);
  });

  it('tries but seldom where they cost more than they bring', () => {
    expect(run(new DraftPace(), DEAR, 330)).toBeLessThan(16);
  });

  it('does not hold one slow step against them', () => {
    const pace = new DraftPace();
    run(pace, CHEAP, 100);
    pace.observe({ ...ONE, draftTokenCount: 7, chosenCount: 4 }, 2_000);
    expect(run(pace, CHEAP, 100)).toBeGreaterThan(90);
  });

  /** A step of one row with a draft. */
  function draft(pace: DraftPace, chosenCount: number, ms: number): void {
    pace.observe({ ...ONE, draftTokenCount: 3, chosenCount }, ms);
  }

  /** Steps of 10 ms without a draft until the next one is to have one. @returns their number */
  function pause(pace: DraftPace): number {
    let steps = 0;
    for (; !pace.pays(ONE); steps++) pace.observe({ ...ONE, draftTokenCount: 0, chosenCount: 1 }, 10);
    return steps;
  }

  it('waits twice as long after each try that was in vain, and as long as at first once they have paid', () => {
    const pace = new DraftPace();
    const pauses: number[] = [];
    for (const [chosenCount, ms] of [
      [1, 50],
      [1, 50],
      [1, 50],
      [1, 50],
      [4, 12],
      [1, 500],
    ] as const) {
      draft(pace, chosenCount, ms);
      pauses.push(pause(pace));
    }
    // The first has nothing to be compared with.
    expect(pauses).toEqual([1, 4, 8, 16, 0, 4]);
  });

  it('judges a try by itself, not by what those before it brought', () => {
    const pace = new DraftPace();
    draft(pace, 1, 50);
    pause(pace);
    draft(pace, 1, 50);
    pause(pace);
    draft(pace, 4, 30);
    expect(pace.pays(ONE)).toBe(true);
  });

  it('finds out that they do', () => {
    const pace = new DraftPace();
    run(pace, DEAR, 200);
    const before = run(pace, { ...DEAR, right: 3 }, 150);
    expect(before).toBeGreaterThan(1);
    expect(run(pace, { ...DEAR, right: 3, tokenMs: 2 }, 300)).toBeGreaterThan(200);
  });

  it('gives them up where what follows cannot be guessed any more', () => {
    const pace = new DraftPace();
    run(pace, CHEAP, 200);
    expect(run(pace, { ...CHEAP, right: 0 }, 200)).toBeLessThan(25);
  });

  it('knows for each number of sequences apart, and where the client predicts', () => {
    const pace = new DraftPace();
    run(pace, DEAR, 100);
    expect(pace.pays({ rowCount: 2, isPredicted: false })).toBe(true);
    expect(pace.pays({ ...ONE, isPredicted: true })).toBe(true);
  });

  it('has one step without after the first with, to compare', () => {
    const pace = new DraftPace();
    pace.observe({ ...ONE, draftTokenCount: 3, chosenCount: 2 }, 10);
    expect(pace.pays(ONE)).toBe(false);
    pace.observe({ ...ONE, draftTokenCount: 0, chosenCount: 1 }, 8);
    expect(pace.pays(ONE)).toBe(true);
  });
});
