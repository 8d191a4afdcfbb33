import { describe, expect, it } from 'vitest';
import { loadingReport } from '../src/loading-report.ts';

function reportTo(isTTY: boolean) {
  let nowMs = 0;
  let text = '';
  const clock = { monotonicMs: () => nowMs, unixSeconds: () => 0 };
  const report = loadingReport(clock, {
    isTTY,
    write: (piece) => {
      text += piece;
    },
  });
  return {
    at(ms: number, doneCount: number) {
      nowMs = ms;
      report({ doneCount, totalCount: 500e6 });
    },
    text: () => text,
  };
}

describe('the report of preparing weights', () => {
  it('says share, rate and time that remains', () => {
    const report = reportTo(true);
    report.at(1000, 0);
    report.at(3000, 100e6);
    expect(report.text()).toContain('20 % of 500 million, 50 million a second, 8 s left');
  });

  it('changes one line on a terminal, and ends it', () => {
    const report = reportTo(true);
    report.at(0, 0);
    report.at(10, 1e6);
    report.at(2000, 500e6);
    expect(report.text().split('\n')).toHaveLength(2);
    expect(report.text()).toContain('in 2.0 s');
  });

  it('writes a line every five seconds elsewhere, and one at the end', () => {
    const report = reportTo(false);
    for (let ms = 0; ms < 12_000; ms += 100) report.at(ms, (ms / 12_000) * 500e6);
    report.at(12_000, 500e6);
    expect(report.text().split('\n')).toHaveLength(5);
  });
});
