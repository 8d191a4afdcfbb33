/** From the fields that decide how messages become a prompt to the chat template's own options. Pure. */

import type { JsonObject } from '../base/json-object.ts';
import { TEMPLATE_VARIABLE_DEPTH_MAX, TEMPLATE_VARIABLES_MAX } from '../base/limits.ts';
import type { ToolDefinition } from '../text/chat-message.ts';
import { RESERVED_VARIABLES, type RenderOptions } from '../text/chat-template.ts';
import { type FieldCheck, type FieldPlace, printableName, TOP_LEVEL } from './schema/fields.ts';
import type { TemplateFields } from './schema/template-fields.ts';
import { invalid, isNestedTooDeep, withWellFormedText } from './text-request.ts';

export type TemplateReads = (variable: string) => boolean;

const KWARGS = 'chat_template_kwargs';
/** Variables by which templates are told whether to let the model think, where they know no degrees of it. */
const THINKING_SWITCHES = ['enable_thinking', 'thinking'] as const;
const NOT_READ = 'the chat template does not look at it';
const EFFORT_NOT_READ = `${NOT_READ}, or chat_template_kwargs say what it would`;

const REASONING_EFFORT = { name: 'reasoning_effort', place: TOP_LEVEL };

export type RenderingOptions = {
  readonly templateReads: TemplateReads;
  readonly tools?: readonly ToolDefinition[];
  /** The field of the request that asks for degrees of thinking. */
  readonly effortField?: { readonly name: string; readonly place: FieldPlace };
};

/** @throws ServerError `invalid_request` for fields that do not go together. */
export function renderingOf(
  request: TemplateFields,
  fields: FieldCheck,
  { templateReads, tools = [], effortField = REASONING_EFFORT }: RenderingOptions,
): RenderOptions {
  const continueFinalMessage = request.continue_final_message ?? false;
  if (continueFinalMessage && request.add_generation_prompt === true) {
    throw invalid(
      'add_generation_prompt',
      "'add_generation_prompt' and 'continue_final_message' cannot both be true.",
    );
  }
  const variables = variablesOf(request.chat_template_kwargs ?? {}, fields, templateReads);
  const isOpen: TemplateReads = (name) => !Object.hasOwn(variables, name) && templateReads(name);
  const effort = effortVariables(request.reasoning_effort ?? null, isOpen);
  if (effort === 'not-read') fields.ignore(effortField.name, effortField.place, EFFORT_NOT_READ);
  return {
    addGenerationPrompt: request.add_generation_prompt ?? !continueFinalMessage,
    continueFinalMessage,
    tools,
    variables: effort === 'not-read' ? variables : { ...effort, ...variables },
  };
}

/**
 * `none` is also what a switch can say. The other degrees are left to the template: `minimal` is less than the model
 * would think, but not nothing. A template that knows none gets none: what asks it for thoughts also lets them come
 * before forced calls, and that is not for a field that is named as ignored.
 * @param isOpen whether the template reads a variable that the request does not set itself
 */
function effortVariables(
  effort: TemplateFields['reasoning_effort'] | null,
  isOpen: TemplateReads,
): JsonObject | 'not-read' {
  if (effort == null) return {};
  const isRead = isOpen('reasoning_effort');
  const switches = effort === 'none' ? THINKING_SWITCHES.filter(isOpen) : [];
  if (switches.length === 0 && !isRead) return 'not-read';
  const off = Object.fromEntries(switches.map((name) => [name, false]));
  return isRead ? { reasoning_effort: effort, ...off } : off;
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
