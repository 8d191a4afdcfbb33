/** A matrix to prepare for the graph: to be quantised, or repacked as it is. Structured-cloneable. */

import { type MatrixJob, quantizeMatrix } from './quantize-matrix.ts';
import { type RepackJob, repackMatrix } from './repack-matrix.ts';

export type WeightJob = MatrixJob | RepackJob;

/** Writes the matrix's parts into the target file. */
export function doWeightJob(job: WeightJob): Promise<void> {
  return 'packing' in job ? repackMatrix(job) : quantizeMatrix(job);
}

/** Weights of a job's matrix. */
export function weightsOfJob({ plan }: WeightJob): number {
  return plan.rows * plan.columns;
}
