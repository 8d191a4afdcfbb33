/** What a step of the scheduler takes with few and with many requests waiting. No model, no threads. */

import { Option } from 'commander';
import type { Scheduler } from '../../src/batching/scheduler.ts';
import type { SampledToken } from '../../src/sampling/sampling-params.ts';
import { countOption, positiveIntegers, repeatsOption } from '../options.ts';
import { scenario } from '../scenario.ts';
import { aRequest, aScheduler, runStep } from '../scheduler-load.ts';
import { distribution, overRepeats, type RepeatedFigure, ratioOverRepeats } from '../statistics.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = {
  readonly waiting: readonly number[];
  readonly running: number;
  readonly steps: number;
  readonly repeats: number;
};

/** A scheduler whose queue is filled up again after every step, so that it keeps its length. */
class Queue {
  readonly #scheduler: Scheduler;
  readonly #runningMax: number;
  readonly #sampled: SampledToken[] = [];
  #nextId = 1;

  constructor(waitingCount: number, runningMax: number) {
    this.#runningMax = runningMax;
    const blocks = 1 + 8 * runningMax;
    this.#scheduler = aScheduler({ blockCount: blocks, blockSize: 16, runningMax, modelLengthMax: 128 });
    // Those that run first end one after the other, so that from then on one ends and one is admitted in each step.
    for (let count = 0; count < runningMax; count++) this.#enqueue(1 + count);
    for (let count = 0; count < waitingCount; count++) this.#enqueue(runningMax);
    runStep(this.#scheduler, this.#sampled);
  }

  /** Microseconds of a step in the middle, and of the mean. The work that fills the queue is not counted. */
  run(stepCount: number): { readonly medianUs: number; readonly meanUs: number } {
    const times = Array.from({ length: stepCount }, () => {
      const startMs = performance.now();
      const ended = runStep(this.#scheduler, this.#sampled);
      const us = 1000 * (performance.now() - startMs);
      for (let count = 0; count < ended; count++) this.#enqueue(this.#runningMax);
      return us;
    });
    const { median, mean } = distribution(times)!;
    return { medianUs: median, meanUs: mean };
  }

  #enqueue(outputLength: number): void {
    this.#scheduler.enqueue(aRequest(this.#nextId++, 8, outputLength));
  }
}

type Figures = {
  readonly waiting: number;
  readonly medianUs: RepeatedFigure | null;
  readonly meanUs: RepeatedFigure | null;
  /** Of the medians, over those of the first length. */
  readonly toFirst: RepeatedFigure | null;
};

export const queue = scenario<Flags>({
  name: 'queue',
  summary: "time of the scheduler's step by requests that wait; no model",
  options: [
    new Option('--waiting <list>', 'requests that wait')
      .argParser(positiveIntegers)
      .default([10, 100, 1000, 10_000], '10,100,1000,10000'),
    countOption('running', 'sequences that decode', 32),
    countOption('steps', 'in each run', 2000),
    repeatsOption(9),
  ],
  run: async (flags, bench) => {
    const queues = flags.waiting.map((waiting) => new Queue(waiting, flags.running));
    const runs = queues.map((): ReturnType<Queue['run']>[] => []);
    // The first repeat has the code compiled.
    for (let repeat = 0; repeat <= flags.repeats; repeat++) {
      bench.progress(`repeat ${repeat}`);
      for (const [index, each] of queues.entries()) {
        const run = each.run(flags.steps);
        if (repeat > 0) runs[index]!.push(run);
      }
    }
    const medians = runs.map((each) => each.map(({ medianUs }) => medianUs));
    const figures = flags.waiting.map(
      (waiting, index): Figures => ({
        waiting,
        medianUs: overRepeats(medians[index]!),
        meanUs: overRepeats(runs[index]!.map(({ meanUs }) => meanUs)),
        toFirst: ratioOverRepeats(medians[index]!, medians[0]!),
      }),
    );
    const text = renderTable(
      ['waiting', 'step in the middle, µs (min..max)', 'step on average, µs', 'median to the first'],
      figures.map(({ waiting, medianUs, meanUs, toFirst }) => [
        String(waiting),
        rangeCell(medianUs),
        rangeCell(meanUs),
        ratioCell(toFirst),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
