/** GET /v1/models and GET /v1/models/{id}: the names under which the one engine is served. */

import type { Handler } from 'hono';
import type { z } from 'zod';
import type { AppDependencies, AppEnvironment, ServedModel } from './dependencies.ts';
import { queryOf } from './query.ts';
import type { modelSchema } from './schema/model.ts';
import { NO_QUERY } from './schema/responses-field-tables.ts';
import { requireModel } from './served-models.ts';

type Needed = Pick<AppDependencies, 'models' | 'strictFields'>;

function modelObject({ id, root, created, modelLengthMax }: ServedModel): z.infer<typeof modelSchema> {
  return { id, object: 'model', created, owned_by: 'octavo', root, max_model_len: modelLengthMax };
}

/** Handler of GET /v1/models. */
export function listModels({ models, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    queryOf(context, NO_QUERY, strictFields);
    return context.json({ object: 'list', data: models.map(modelObject) });
  };
}

/** Handler of GET /v1/models/:id; ids may hold slashes, escaped or not. */
export function retrieveModel({ models, strictFields }: Needed): Handler<AppEnvironment> {
  return (context) => {
    queryOf(context, NO_QUERY, strictFields);
    const model = requireModel(models, context.req.param('id') ?? '');
    return context.json(modelObject(model));
  };
}
