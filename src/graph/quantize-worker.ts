/** Entry of a thread that quantises matrices: takes one job at a time and says when it is done. */

import { parentPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { type MatrixJob, quantizeMatrix } from './quantize-matrix.ts';

assert(parentPort !== null, 'quantize-worker runs in a worker thread');
const port = parentPort;
port.on('message', (job: MatrixJob) => {
  quantizeMatrix(job).then(
    () => port.postMessage({ error: null }),
    (error: Error) => port.postMessage({ error: error.message }),
  );
});
