/** POST /v1/completions: how a completion request is read and its answer written. */

import type { Handler } from 'hono';
import { sequenceCountOf } from '../engine/text-generation.ts';
import { CollectedAnswer } from './collected-answer.ts';
import { type CompletionCall, parseCompletionRequest } from './completion-request.ts';
import { type CompletionOptions, TextCompletionEncoder, textCompletion } from './completion-response.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { type GenerationEndpoint, generationRoute } from './generation-route.ts';

function optionsOf({ text, echo, told }: CompletionCall): CompletionOptions {
  return {
    promptCount: text.prompts.length,
    choiceCount: text.choiceCount,
    echo,
    returnTokenIds: text.wantsTokenIds,
    ...told,
  };
}

const COMPLETION: GenerationEndpoint<CompletionCall> = {
  idPrefix: 'cmpl-',
  parse: parseCompletionRequest,
  collector: (call, identity) =>
    new CollectedAnswer(sequenceCountOf(call.text), (answer) =>
      textCompletion(answer, identity, optionsOf(call)),
    ),
  encoder: (call, identity) =>
    new TextCompletionEncoder(identity, { ...optionsOf(call), includeUsage: call.includeUsage }),
};

/** Handler of POST /v1/completions. */
export function completions(dependencies: AppDependencies): Handler<AppEnvironment> {
  return generationRoute(COMPLETION, dependencies);
}
