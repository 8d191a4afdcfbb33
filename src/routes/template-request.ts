/** From the fields that decide how messages become a prompt to the chat template's own options. Pure. */

import { TEMPLATE_VARIABLE_DEPTH_MAX, TEMPLATE_VARIABLES_MAX } from '../base/limits.ts';
import type { ToolDefinition } from '../text/chat-message.ts';
import { RESERVED_VARIABLES, type RenderOptions } from '../text/chat-template.ts';
import type { JsonObject } from './request-body.ts';
import { type FieldCheck, printableName, TOP_LEVEL } from './schema/fields.ts';
import type { TemplateFields } from './schema/template-fields.ts';
import { invalid, isNestedTooDeep, withWellFormedText } from './text-request.ts';

export type TemplateReads = (variable: string) => boolean;

const KWARGS = 'chat_template_kwargs';
const NOT_READ = 'the chat template does not look at it';

/** @throws ServerError `invalid_request` for fields that do not go together. */
export function renderingOf(
  request: TemplateFields,
  fields: FieldCheck,
  templateReads: TemplateReads,
  tools: readonly ToolDefinition[] = [],
): RenderOptions {
  const continueFinalMessage = request.continue_final_message ?? false;
  if (continueFinalMessage && request.add_generation_prompt === true) {
    throw invalid(
      'add_generation_prompt',
      "'add_generation_prompt' and 'continue_final_message' cannot both be true.",
    );
  }
  const variables = variablesOf(request.chat_template_kwargs ?? {}, fields, templateReads);
  const effort = request.reasoning_effort;
  if (effort != null && !templateReads('reasoning_effort')) {
    fields.ignore('reasoning_effort', TOP_LEVEL, NOT_READ);
  }
  return {
    addGenerationPrompt: request.add_generation_prompt ?? !continueFinalMessage,
    continueFinalMessage,
    tools,
    variables: effort == null ? variables : { reasoning_effort: effort, ...variables },
  };
}

/** The variables that the template looks at; the others are named as ignored. */
function variablesOf(kwargs: JsonObject, fields: FieldCheck, templateReads: TemplateReads): JsonObject {
  const entries = Object.entries(kwargs);
  if (entries.length > TEMPLATE_VARIABLES_MAX) {
    throw invalid(KWARGS, `'${KWARGS}' holds more than ${TEMPLATE_VARIABLES_MAX} variables.`);
  }
  const place = { exact: `${KWARGS}.`, general: `${KWARGS}.` };
  const variables: Record<string, unknown> = {};
  for (const [name, value] of entries) {
    const param = place.exact + printableName(name);
    if (RESERVED_VARIABLES.has(name)) throw invalid(param, `'${param}' is set by the server.`);
    if (isNestedTooDeep(value, TEMPLATE_VARIABLE_DEPTH_MAX)) {
      throw invalid(param, `'${param}' is nested more than ${TEMPLATE_VARIABLE_DEPTH_MAX} deep.`);
    }
    if (templateReads(name)) variables[name] = withWellFormedText(value);
    else fields.ignore(name, place, NOT_READ);
  }
  return variables;
}
