/** What a scenario is: a name, options of its own, and a measurement that ends in text and JSON. */

import type { Option } from 'commander';

/** What the command lends a scenario while it runs. */
export type Bench = {
  /** A line for the impatient. */
  progress(line: string): void;
  /** Called when the scenario is over, however it ended; the last one first. */
  atEnd(release: () => void | Promise<void>): void;
};

export type ScenarioResult = {
  /** Everything measured, as it goes into the JSON file. */
  readonly figures: unknown;
  /** The table for the terminal. */
  readonly text: string;
  /** Requests that failed; any makes the command fail. */
  readonly failureCount: number;
  /** An SVG picture for `--chart`, from scenarios that have this option. */
  readonly chart?: string;
};

export type ScenarioFlags = Readonly<Record<string, unknown>>;

export type Scenario = {
  readonly name: string;
  /** One line: what it measures. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** @param flags what commander makes of `options`, under its names for them */
  readonly run: (flags: ScenarioFlags, bench: Bench) => Promise<ScenarioResult>;
};

/** A scenario with its flags typed; commander gives the options' values under the names of `Flags`. */
export function scenario<Flags>(
  parts: Omit<Scenario, 'run'> & {
    readonly run: (flags: Flags, bench: Bench) => Promise<ScenarioResult>;
  },
): Scenario {
  return { ...parts, run: (flags, bench) => parts.run(flags as Flags, bench) };
}
