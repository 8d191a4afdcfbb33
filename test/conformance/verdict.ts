/** From what the judges said and what is known, whether the run passes. Pure. */

import type { CaseResult } from './judge.ts';

/** A case that is known to fail: the judge's folder, the case (a trailing `*` stands for any ending), and why. */
export type KnownFailure = {
  readonly judge: string;
  readonly case: string;
  readonly reason: string;
  /** Whether it fails depends on what the model says, so that passing is no reason to take it off the list. */
  readonly mayPass?: true;
};

export type JudgeReport =
  | { readonly name: string; readonly state: 'not run'; readonly reason: string }
  | { readonly name: string; readonly state: 'broken'; readonly reason: string }
  | { readonly name: string; readonly state: 'ran'; readonly results: readonly CaseResult[] };

export type Verdict = {
  /** Failures that nobody knew of, judges that broke, and known failures that passed: each fails the run. */
  readonly complaints: readonly string[];
  /** Failures with their known reasons. */
  readonly known: readonly string[];
};

export function isKnown(known: KnownFailure, judge: string, caseName: string): boolean {
  if (known.judge !== judge) return false;
  if (known.case.endsWith('*')) return caseName.startsWith(known.case.slice(0, -1));
  return known.case === caseName;
}

type Ran = Extract<JudgeReport, { state: 'ran' }>;

function judgeOne({ name: judge, results }: Ran, mine: readonly KnownFailure[]): Verdict {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const reasonOf = (name: string) => mine.find((entry) => isKnown(entry, judge, name))?.reason;
  const complaints = failed
    .filter(({ name }) => reasonOf(name) === undefined)
    .map(({ name, message }) => `${judge}: ${name}: ${message}`);
  for (const entry of mine) {
    if (entry.mayPass || failed.some(({ name }) => isKnown(entry, judge, name))) continue;
    complaints.push(`${judge}: ${entry.case} passes or is gone: take it off the list of known failures`);
  }
  if (results.every(({ outcome }) => outcome === 'skipped')) complaints.push(`${judge} judged no case`);
  const known = failed
    .filter(({ name }) => reasonOf(name) !== undefined)
    .map(({ name }) => `${judge}: ${name}: ${reasonOf(name)}`);
  return { complaints, known };
}

/** A judge that broke or was not run says nothing about its known failures; one that ran must show each of them. */
export function judgeRun(reports: readonly JudgeReport[], knownFailures: readonly KnownFailure[]): Verdict {
  const verdicts = reports.map((report): Verdict => {
    if (report.state === 'not run') return { complaints: [], known: [] };
    if (report.state === 'broken')
      return { complaints: [`${report.name} broke: ${report.reason}`], known: [] };
    return judgeOne(
      report,
      knownFailures.filter(({ judge }) => judge === report.name),
    );
  });
  const complaints = verdicts.flatMap((verdict) => verdict.complaints);
  if (reports.every(({ state }) => state === 'not run')) complaints.push('no judge was run');
  return { complaints, known: verdicts.flatMap(({ known }) => known) };
}
