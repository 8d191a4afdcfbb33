/** From OpenAI's completion request to the engine's own text request. Pure: the same body gives the same result. */

import type { JsonObject } from '../base/json-object.ts';
import { BEST_OF_MAX, COMPLETION_TOKENS_DEFAULT } from '../base/limits.ts';
import { type Prompt, sequenceCountOf } from '../engine/text-generation.ts';
import type { CompletionOptions } from './completion-response.ts';
import {
  type CompletionRequest,
  completionRequestSchema,
  type PromptField,
} from './schema/completion-request.ts';
import { COMPLETION_FIELDS } from './schema/field-tables.ts';
import { FieldCheck, TOP_LEVEL } from './schema/fields.ts';
import { grammarOf } from './structured-output.ts';
import {
  callOf,
  checkGenerationFields,
  checkStreamOptions,
  checkTokensMin,
  type GenerationCall,
  generationOf,
  invalid,
  type ParseOptions,
  parseFields,
  tellableTokens,
  wellFormed,
} from './text-request.ts';

export type CompletionCall = GenerationCall & {
  /** Each choice's text begins with its prompt. */
  readonly echo: boolean;
  /** What of that which is generated is told. */
  readonly told: Pick<CompletionOptions, 'toldCount' | 'logprobCount' | 'promptLogprobCount'>;
};

/**
 * @throws ServerError `unsupported_parameter`, or `invalid_request` for values that do not go together.
 * @throws HttpError 400 for values of a wrong type or out of range; `param` is the path.
 */
export function parseCompletionRequest(body: JsonObject, options: ParseOptions): CompletionCall {
  const fields = new FieldCheck({ strict: options.strictFields });
  const request = parseFields(body, completionRequestSchema, { table: COMPLETION_FIELDS, fields });
  const newTokensMax = request.max_tokens ?? null;
  const tokenCount = newTokensMax ?? COMPLETION_TOKENS_DEFAULT;
  checkGenerationFields(request, fields, options);
  checkStreamOptions(request, fields);
  checkTokensMin(request, tokenCount);
  checkCombinations(request);
  const echo = request.echo ?? false;
  const told = toldOf(request);
  const prompts = promptsOf(request);
  if (request.add_special_tokens === true && prompts.every(({ kind }) => kind === 'tokens')) {
    fields.ignore('add_special_tokens', TOP_LEVEL, 'token ids are taken as they are');
  }
  const choiceCount = request.best_of ?? told.toldCount;
  const sequenceCount = sequenceCountOf({ prompts, choiceCount });
  tellableTokens(request, { logprobCount: told.logprobCount, sequenceCount, tokenCount });
  const scoresPrompt = echo && told.logprobCount !== null;
  return {
    ...callOf(request, fields),
    countParam: countParamOf(request, { promptCount: prompts.length, choiceCount }),
    echo,
    told,
    text: {
      ...generationOf(request, options),
      grammar: grammarOf(request, fields),
      choiceCount,
      prompts,
      newTokensMax,
      newTokensRoomMax: newTokensMax === null ? COMPLETION_TOKENS_DEFAULT : null,
      logprobCount: told.logprobCount,
      wantsMeanLogprob: isRanked(request),
      promptLogprobCount: scoresPrompt
        ? Math.max(told.logprobCount, told.promptLogprobCount ?? 0)
        : told.promptLogprobCount,
      wantsStopLogprobs: scoresPrompt,
      wantsPrompts: echo || request.return_token_ids === true,
    },
  };
}

function toldOf(request: CompletionRequest): CompletionCall['told'] {
  return {
    toldCount: request.n ?? 1,
    logprobCount: request.logprobs ?? null,
    promptLogprobCount: request.prompt_logprobs ?? null,
  };
}

function countParamOf(
  request: CompletionRequest,
  { promptCount, choiceCount }: { readonly promptCount: number; readonly choiceCount: number },
): string {
  if (promptCount > choiceCount) return 'prompt';
  return isRanked(request) ? 'best_of' : 'n';
}

function isRanked({ n, best_of }: CompletionRequest): boolean {
  return best_of != null && best_of > (n ?? 1);
}

function checkCombinations(request: CompletionRequest): void {
  const { best_of: bestOf, n, stream, echo, prompt_logprobs } = request;
  if (bestOf != null && bestOf < (n ?? 1)) throw invalid('best_of', "'best_of' has to be at least 'n'.");
  if (isRanked(request)) {
    if (stream === true) {
      throw invalid(
        'best_of',
        "'best_of' above 'n' cannot be streamed: which choices are best shows at the end.",
      );
    }
    if (bestOf! > BEST_OF_MAX) throw invalid('best_of', `'best_of' above 'n' is at most ${BEST_OF_MAX}.`);
  }
  if (echo === true && request.suffix != null && request.suffix !== '') {
    throw invalid('suffix', "'suffix' cannot be used together with 'echo'.");
  }
  if (request.max_tokens === 0 && echo !== true && prompt_logprobs == null) {
    throw invalid('max_tokens', "'max_tokens' can be 0 only with 'echo' or 'prompt_logprobs'.");
  }
}

function isTokenIds(prompt: PromptField): prompt is readonly number[] {
  return typeof prompt !== 'string' && typeof prompt[0] === 'number';
}

/** @throws ServerError `invalid_request` for a suffix to token ids. */
function promptsOf({ prompt, suffix, add_special_tokens }: CompletionRequest): readonly Prompt[] {
  const addSpecialTokens = add_special_tokens ?? true;
  const list = typeof prompt === 'string' || isTokenIds(prompt) ? [prompt] : prompt;
  return list.map((each): Prompt => {
    const hasSuffix = suffix != null && suffix !== '';
    if (typeof each !== 'string') {
      if (hasSuffix) throw invalid('suffix', "'suffix' needs the prompt as text, not as token ids.");
      return { kind: 'tokens', tokenIds: each };
    }
    const text = wellFormed(each);
    if (hasSuffix) return { kind: 'infill', prefix: text, suffix: wellFormed(suffix), addSpecialTokens };
    return { kind: 'text', text, addSpecialTokens };
  });
}
