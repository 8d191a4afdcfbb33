import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Two cores: more workers only take time from each other, and from the servers under test.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'tidy', include: ['test/tidy.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/tidy.test.ts', '**/node_modules/**'],
        },
      },
    ],
  },
});
