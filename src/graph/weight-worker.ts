/** Entry of a thread that prepares matrices: takes one job at a time and says when it is done. */

import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { StartupError } from '../base/errors.ts';
import { doWeightJob, type WeightJob } from './weight-job.ts';
import type { JobAnswer } from './weight-pool.ts';

assert(parentPort !== null, 'weight-worker runs in a worker thread');
const port = parentPort;
port.on('message', (job: WeightJob) => {
  doWeightJob(job).then(
    () => port.postMessage({ failure: null } satisfies JobAnswer),
    (error: Error) => {
      const isStartupError = error instanceof StartupError;
      port.postMessage({ failure: { message: error.message, isStartupError } } satisfies JobAnswer);
    },
  );
});
