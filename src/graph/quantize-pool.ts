/** Spreads the quantising of a checkpoint's matrices over threads, the largest ones first. */

import { Worker } from 'node:worker_threads';
import { type MatrixJob, quantizeMatrix } from './quantize-matrix.ts';

/** Called with the job that has been done. */
export type OnJobDone = (job: MatrixJob) => void;

/** Runs from source, as in tests, have no compiled worker: they quantise in this thread. */
const WORKER_URL = import.meta.url.endsWith('.ts') ? null : new URL('./quantize-worker.js', import.meta.url);

/** Resolves when all jobs are done. @throws Error, with what one of them failed of */
export async function quantizeAll(
  jobs: readonly MatrixJob[],
  threadCount: number,
  onDone: OnJobDone,
): Promise<void> {
  const queue = jobs.toSorted((a, b) => weightsOf(b) - weightsOf(a));
  if (WORKER_URL === null) {
    for (const job of queue) {
      await quantizeMatrix(job);
      onDone(job);
    }
    return;
  }
  const workers = Array.from({ length: Math.min(threadCount, queue.length) }, () => new Worker(WORKER_URL));
  try {
    await Promise.all(workers.map((worker) => workThrough(worker, queue, onDone)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function workThrough(worker: Worker, queue: MatrixJob[], onDone: OnJobDone): Promise<void> {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    await doOne(worker, job);
    onDone(job);
  }
}

function doOne(worker: Worker, job: MatrixJob): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = ({ error }: { readonly error: string | null }): void => {
      worker.off('error', onError);
      if (error === null) resolve();
      else reject(new Error(error));
    };
    const onError = (error: Error): void => {
      worker.off('message', onMessage);
      reject(error);
    };
    worker.once('message', onMessage);
    worker.once('error', onError);
    worker.postMessage(job);
  });
}

/** Weights of a job's matrix. */
export function weightsOf({ plan }: MatrixJob): number {
  return plan.rows * plan.columns;
}
