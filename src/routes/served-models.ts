/** The names under which the one engine is served, as requests use them. */

import { ServerError } from '../base/errors.ts';
import type { ServedModel } from './dependencies.ts';

/** @throws ServerError `model_not_found` */
export function requireModel(models: readonly ServedModel[], id: string): ServedModel {
  const model = models.find((candidate) => candidate.id === id);
  if (model !== undefined) return model;
  // The name is the client's own, and is cut so that an answer is never longer than its question.
  throw new ServerError('model_not_found', `The model '${id.slice(0, 128)}' does not exist.`);
}
