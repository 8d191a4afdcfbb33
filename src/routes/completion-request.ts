/** From OpenAI's completion request to the engine's own text request. Pure: the same body gives the same result. */

import { COMPLETION_TOKENS_DEFAULT } from '../base/limits.ts';
import type { Prompt } from '../engine/text-generation.ts';
import type { JsonObject } from './request-body.ts';
import {
  type CompletionRequest,
  completionRequestSchema,
  type PromptField,
} from './schema/completion-request.ts';
import { COMPLETION_FIELDS } from './schema/field-tables.ts';
import { FieldCheck } from './schema/fields.ts';
import {
  callOf,
  checkGenerationFields,
  checkTokensMin,
  type GenerationCall,
  generationOf,
  invalid,
  type ParseOptions,
  parseFields,
  unsupported,
  wellFormed,
} from './text-request.ts';

export type CompletionCall = GenerationCall & {
  /** Each choice's text begins with its prompt. */
  readonly echo: boolean;
};

/**
 * @throws ServerError `unsupported_parameter`, or `invalid_request` for values that do not go together.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseCompletionRequest(body: JsonObject, options: ParseOptions): CompletionCall {
  const fields = new FieldCheck({ strict: options.strictFields });
  const request = parseFields(body, completionRequestSchema, { table: COMPLETION_FIELDS, fields });
  const newTokensMax = request.max_tokens ?? COMPLETION_TOKENS_DEFAULT;
  checkGenerationFields(request, fields, options);
  checkTokensMin(request, newTokensMax);
  checkCombinations(request);
  const echo = request.echo ?? false;
  return {
    ...callOf(request, fields),
    echo,
    text: {
      ...generationOf(request),
      prompts: promptsOf(request.prompt, request.add_special_tokens ?? true),
      newTokensMax,
      logprobCount: request.logprobs ?? null,
      wantsPrompts: echo || request.return_token_ids === true,
    },
  };
}

function checkCombinations(request: CompletionRequest): void {
  const choiceCount = request.n ?? 1;
  const bestOf = request.best_of ?? choiceCount;
  if (bestOf < choiceCount) throw invalid('best_of', "'best_of' has to be at least 'n'.");
  if (bestOf > choiceCount) {
    throw unsupported(
      'best_of',
      "'best_of' above 'n' is not supported by this server: choices are not ranked.",
    );
  }
  if (request.echo === true && request.logprobs != null) {
    const reason = 'the prompt is not scored';
    throw unsupported('echo', `'echo' together with 'logprobs' is not supported by this server: ${reason}.`);
  }
}

function isTokenIds(prompt: PromptField): prompt is readonly number[] {
  return typeof prompt !== 'string' && typeof prompt[0] === 'number';
}

function promptsOf(prompt: PromptField, addSpecialTokens: boolean): readonly Prompt[] {
  const list = typeof prompt === 'string' || isTokenIds(prompt) ? [prompt] : prompt;
  return list.map((each) =>
    typeof each === 'string'
      ? { kind: 'text', text: wellFormed(each), addSpecialTokens }
      : { kind: 'tokens', tokenIds: each },
  );
}
