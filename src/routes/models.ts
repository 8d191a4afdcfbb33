/** GET /v1/models and GET /v1/models/{id}: the names under which the one engine is served. */

import type { Handler } from 'hono';
import type { z } from 'zod';
import type { AppEnvironment, ServedModel } from './dependencies.ts';
import type { modelSchema } from './schema/model.ts';
import { requireModel } from './served-models.ts';

function modelObject({ id, created, modelLengthMax }: ServedModel): z.infer<typeof modelSchema> {
  return { id, object: 'model', created, owned_by: 'octavo', max_model_len: modelLengthMax };
}

/** Handler of GET /v1/models. */
export function listModels(models: readonly ServedModel[]): Handler<AppEnvironment> {
  return (context) => context.json({ object: 'list', data: models.map(modelObject) });
}

/** Handler of GET /v1/models/:id; ids may hold slashes, escaped or not. */
export function retrieveModel(models: readonly ServedModel[]): Handler<AppEnvironment> {
  return (context) => {
    const model = requireModel(models, context.req.param('id') ?? '');
    return context.json(modelObject(model));
  };
}
