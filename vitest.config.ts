import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * What takes longest, so that it is not begun last, when one core has nothing left to do. Vitest itself goes by the last
 * run's durations, which a fresh machine does not have, and else by the files' sizes, which say nothing of these.
 */
const LONGEST = [
  'test/engine/paged-engine.test.ts',
  'test/server/lifecycle.test.ts',
  'test/engine/paged-oracle.test.ts',
  'test/server/structured-output.test.ts',
  'test/server/random-requests.test.ts',
  'test/server/drafted-answers.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = LONGEST.findIndex((file) => moduleId.endsWith(file));
      return index < 0 ? LONGEST.length : index;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

/** Rooms that keep nothing between tests: no threads, no native code, no settings of the process. */
const STATELESS = ['base', 'batching', 'kv-cache', 'routes'].map((room) => `test/${room}/**/*.test.ts`);

export default defineConfig({
  test: {
    // Two cores: more workers only take time from each other, and from the servers under test.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    // Begun in the order of their names.
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts', '**/node_modules/**', ...STATELESS],
        },
      },
      // Their files share two processes: starting one and loading the sources again took longer than most files' tests.
      { extends: true, test: { name: 'shared', include: STATELESS, isolate: false } },
      { extends: true, test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
    ],
  },
});
