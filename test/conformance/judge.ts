/** What a judge is and what it says: the types of the conformance run, and the line format of our own programs. */

/** `skipped`: the suite itself left the case out, with its reason. */
export type Outcome = 'passed' | 'failed' | 'skipped';

export type CaseResult = { readonly name: string; readonly outcome: Outcome; readonly message: string };

/** Where the servers under test answer, and with what. */
export type Target = {
  /** `http://127.0.0.1:port`, without `/v1`. */
  readonly url: string;
  /** A second server that takes one request at a time and answers others 429. */
  readonly narrowUrl: string;
  readonly apiKey: string;
  readonly model: string;
  /** The checkpoint's directory, for suites that need its tokenizer. */
  readonly modelDirectory: string;
};

/** Where a judge may read and write. */
export type Places = {
  /** The judge's own folder: manifest, lock file, program. */
  readonly source: string;
  /** Its ignored folder: virtual environment, compiled program. */
  readonly work: string;
  /** Emptied before each run, so that no report of an earlier one is read. */
  readonly report: string;
};

export type Command = readonly [program: string, ...args: string[]];

/** `code` is the first that is not 0, `stdout` of all commands. */
export type Finished = { readonly code: number | null; readonly stdout: string };

export type Judge = {
  /** Also the name of its folder. */
  readonly name: string;
  /** What it is, for the table. */
  readonly title: string;
  /** The version under test, from its manifest. */
  readonly version: { readonly file: string; readonly pattern: RegExp };
  /** Programs that must be on the path; without one of them the judge is reported as not run. */
  readonly toolChain: readonly string[];
  /** Installs or compiles. Left out while the files named here are the same as at the last time. */
  readonly prepare: { readonly manifests: readonly string[]; commands(places: Places): readonly Command[] };
  /** Run one after the other, with the judge's folder as working directory. */
  commands(target: Target, places: Places, seed: number): readonly Command[];
  /** @throws {Error} when the output is not what the judge prints; the run then counts as failed. */
  read(finished: Finished, places: Places): readonly CaseResult[];
  /** Longest time that it may take, in seconds. */
  readonly limitSeconds: number;
};

/**
 * Reads our own programs' output: a line of JSON for each case, `{"case": …, "passed": …, "message": …}`, and last
 * `{"cases": n}`, so that a program that died on the way does not look like one that had less to say.
 *
 * @throws {Error} when the last line is missing or counts otherwise.
 */
export function readCaseLines({ stdout }: Finished): readonly CaseResult[] {
  const results: CaseResult[] = [];
  let announced = -1;
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const entry = JSON.parse(line) as { case?: string; passed?: boolean; message?: string; cases?: number };
    if (entry.cases !== undefined) announced = entry.cases;
    if (entry.case === undefined) continue;
    const outcome = entry.passed === true ? 'passed' : 'failed';
    results.push({ name: entry.case, outcome, message: entry.message ?? '' });
  }
  if (announced !== results.length)
    throw new Error(`${results.length} cases reported, ${announced} announced`);
  return results;
}
