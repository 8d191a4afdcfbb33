/** POST /v1/responses, and how many tokens such a request would have: how they are read, and their answers written and kept. */

import type { Handler } from 'hono';
import type { AnswerIdentity } from '../answer.ts';
import type { AppDependencies, AppEnvironment } from '../dependencies.ts';
import { type GenerationEndpoint, generationRoute, parseOptions } from '../generation-route.ts';
import { nameIgnored } from '../query.ts';
import type { InputTokens } from '../schema/responses-object.ts';
import { requireModel } from '../served-models.ts';
import { answering, tokensOf } from '../tokenization.ts';
import { parseResponsesRequest, type ResponsesCall } from './request.ts';
import { ResponseEncoder } from './response-encoder.ts';
import { CollectedResponse, type ResponseFrame } from './response-object.ts';
import { storedResponse } from './stored-form.ts';

type Storing = Pick<AppDependencies, 'responseStore' | 'newId'>;

function endpoint({ responseStore, newId }: Storing): GenerationEndpoint<ResponsesCall> {
  const frameOf = (
    { givenBack, functionNames, storedInput, store }: ResponsesCall,
    identity: AnswerIdentity,
  ): ResponseFrame => ({
    identity,
    givenBack,
    functionNames,
    keep: (response) => store.add(storedResponse(response, storedInput)),
  });
  return {
    idPrefix: 'resp_',
    parse: (body, options, owner) =>
      parseResponsesRequest(body, { ...options, store: responseStore.of(owner), newId }),
    collector: (call, identity) => new CollectedResponse(frameOf(call, identity)),
    encoder: (call, identity) => new ResponseEncoder(frameOf(call, identity)),
  };
}

/** Handler of POST /v1/responses. */
export function responses(dependencies: AppDependencies): Handler<AppEnvironment> {
  return generationRoute(endpoint(dependencies), dependencies);
}

/**
 * Handler of POST /v1/responses/input_tokens: the fields are checked as if the request were to run. Whether the answer fits the
 * context, and whether its form can be compiled, is not.
 */
export function inputTokens(dependencies: AppDependencies): Handler<AppEnvironment> {
  const { generator, models, newId, responseStore } = dependencies;
  return answering(dependencies, async (context, body) => {
    // OpenAI asks for no model here, and every name is one of the same. What would be cut is counted all the same.
    const truncation = body['truncation'] === 'auto' ? null : body['truncation'];
    const named = { ...body, truncation, model: body['model'] ?? models[0]?.id };
    const store = responseStore.of(context.get('owner'));
    const call = parseResponsesRequest(named, { ...parseOptions(dependencies), store, newId });
    requireModel(models, call.model);
    const { tokenIds } = await tokensOf(call.text.prompts[0]!, context, generator);
    const answer: InputTokens = { object: 'response.input_tokens', input_tokens: tokenIds.length };
    nameIgnored(context, call.ignoredFields);
    return context.json(answer);
  });
}
