/** Spreads the preparing of a checkpoint's matrices over threads, the largest ones first. */

import { Worker } from 'node:worker_threads';
import { StartupError } from '../base/errors.ts';
import { doWeightJob, type WeightJob, weightsOfJob } from './weight-job.ts';

/** How far it is, in weights. */
export type OnProgress = (doneCount: number, totalCount: number) => void;

/** What a thread says of a job; `failure` is what it failed of. */
export type JobAnswer = {
  readonly failure: { readonly message: string; readonly isStartupError: boolean } | null;
};

/** Runs from source, as in tests, have no compiled worker: they prepare in this thread. */
const WORKER_URL = import.meta.url.endsWith('.ts') ? null : new URL('./weight-worker.js', import.meta.url);

/** Resolves when all jobs are done. @throws Error, with what one of them failed of */
export async function doWeightJobs(
  jobs: readonly WeightJob[],
  threadCount: number,
  onProgress: OnProgress,
): Promise<void> {
  const queue = jobs.toSorted((a, b) => weightsOfJob(b) - weightsOfJob(a));
  const total = jobs.reduce((sum, job) => sum + weightsOfJob(job), 0);
  let done = 0;
  onProgress(0, total);
  const onDone = (job: WeightJob): void => {
    done += weightsOfJob(job);
    onProgress(done, total);
  };
  if (WORKER_URL === null) {
    for (const job of queue) {
      await doWeightJob(job);
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

async function workThrough(
  worker: Worker,
  queue: WeightJob[],
  onDone: (job: WeightJob) => void,
): Promise<void> {
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    await doOne(worker, job);
    onDone(job);
  }
}

function doOne(worker: Worker, job: WeightJob): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = ({ failure }: JobAnswer): void => {
      worker.off('error', onError);
      if (failure === null) resolve();
      else reject(failure.isStartupError ? new StartupError(failure.message) : new Error(failure.message));
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
