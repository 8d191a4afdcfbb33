/**
 * Whether drafts pay, from how long steps took: with them a step chooses more tokens and takes longer. How much longer depends on
 * device, model and weights (4-bit weights are multiplied otherwise where there are more than a few tokens), and how many more on
 * the text. While they do not pay, steps go without for a while, then one tries again.
 *
 * Pure: the caller measures. Knows no sequence. Apart for each number of sequences, since a step of four tokens widens less
 * dearly than one of one, and where one of them was predicted: what is guessed without tells nothing of that.
 */

export type DecodeRows = {
  readonly rowCount: number;
  /** The client of one of them said what to expect. */
  readonly isPredicted: boolean;
};

/** A step of decoding sequences, one row each. */
export type DecodeWork = DecodeRows & {
  readonly draftTokenCount: number;
  /** Tokens that were chosen, at least one a row. */
  readonly chosenCount: number;
};

type Figures = {
  /** Running means; null while nothing has been seen. */
  plainMs: number | null;
  draftedMs: number | null;
  /** Tokens a row that a step with drafts chose. */
  chosenPerRow: number | null;
  /** Steps with drafts since the last one without. */
  draftedCount: number;
  /** Steps that still go without, and how many will next time that drafts do not pay. */
  pauseLeft: number;
  nextPause: number;
};

/** Weight of the newest step in a running mean: texts change, and with them how much of them can be guessed. */
const NEWEST_WEIGHT = 0.2;
/** After so many steps with drafts one is without, to see what that takes now. */
const STEPS_UNTIL_REFRESH = 32;
const PAUSE_STEPS_MIN = 4;
/** A try in so many steps costs some hundredths of the time, and a stream whose drafts would pay waits no longer for one. */
const PAUSE_STEPS_MAX = 32;

export class DraftPace {
  /** Without predictions and with, by number of rows. */
  readonly #figures: readonly [Figures[], Figures[]] = [[], []];

  /** Whether a step over these sequences should have drafts. */
  pays(rows: DecodeRows): boolean {
    const { plainMs, draftedCount, pauseLeft } = this.#of(rows);
    const countMax = plainMs === null ? 1 : STEPS_UNTIL_REFRESH;
    return pauseLeft === 0 && draftedCount < countMax;
  }

  /** A step took so long. */
  observe(work: DecodeWork, ms: number): void {
    const { rowCount, draftTokenCount, chosenCount } = work;
    const figures = this.#of(work);
    if (draftTokenCount === 0) {
      figures.plainMs = mean(figures.plainMs, ms);
      figures.draftedCount = 0;
      figures.pauseLeft = Math.max(0, figures.pauseLeft - 1);
      return;
    }
    figures.draftedCount++;
    figures.draftedMs = mean(figures.draftedMs, ms);
    figures.chosenPerRow = mean(figures.chosenPerRow, chosenCount / rowCount);
    if (figures.plainMs === null) return;
    if (figures.draftedMs < figures.chosenPerRow * figures.plainMs) {
      figures.nextPause = PAUSE_STEPS_MIN;
      return;
    }
    // The next try is judged by itself: one slow step must not be held against it.
    figures.draftedMs = null;
    figures.chosenPerRow = null;
    figures.pauseLeft = figures.nextPause;
    figures.nextPause = Math.min(2 * figures.nextPause, PAUSE_STEPS_MAX);
  }

  #of({ rowCount, isPredicted }: DecodeRows): Figures {
    const byRowCount = this.#figures[isPredicted ? 1 : 0];
    byRowCount[rowCount] ??= {
      plainMs: null,
      draftedMs: null,
      chosenPerRow: null,
      draftedCount: 0,
      pauseLeft: 0,
      nextPause: PAUSE_STEPS_MIN,
    };
    return byRowCount[rowCount];
  }
}

function mean(before: number | null, newest: number): number {
  return before === null ? newest : before + NEWEST_WEIGHT * (newest - before);
}
