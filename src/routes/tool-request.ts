/** From the tools and the tool choice of a chat request to what all endpoints know of them. Pure. */

import type { JsonObject } from '../base/json-object.ts';
import type { AnswerForm } from '../engine/text-generation.ts';
import { calledTools, type GivenChoice, type GivenTool, type ToolRequest } from './called-tools.ts';
import { type FieldCheck, type FieldPlace, TOP_LEVEL } from './schema/fields.ts';
import {
  ALLOWED_CHOICE_FIELDS,
  ALLOWED_TOOLS_FIELDS,
  NAMED_FUNCTION_FIELDS,
  TOOL_FIELDS,
  TOOL_FUNCTION_FIELDS,
} from './schema/tool-field-tables.ts';
import type { NamedTool, RequestTool, ToolFields } from './schema/tool-fields.ts';
import { unsupported } from './text-request.ts';

export const NO_CUSTOM_TOOLS =
  'custom tools, whose input is free text, are not supported by this server: use functions.';

/** Custom tools are known by their type, before the schema calls that a wrong value. @throws ServerError */
export function refuseCustomTools(body: JsonObject): void {
  const { tools, tool_choice: choice } = body;
  const isCustom = (value: unknown): boolean => (value as { type?: unknown } | null)?.type === 'custom';
  const index = Array.isArray(tools) ? tools.findIndex(isCustom) : -1;
  if (index >= 0) throw unsupported(`tools[${index}].type`, `'tools[${index}].type': ${NO_CUSTOM_TOOLS}`);
  if (isCustom(choice)) throw unsupported('tool_choice.type', `'tool_choice.type': ${NO_CUSTOM_TOOLS}`);
}

/** @throws ServerError for what the schema lets pass and what cannot be served. */
export function toolRequestOf(request: ToolFields, fields: FieldCheck): ToolRequest {
  const tools = (request.tools ?? []).map((tool, index) => givenTool(tool, index, fields));
  checkChoice(request.tool_choice, fields);
  if (request.include_reasoning === false && request.separate_reasoning === false) {
    fields.ignore('separate_reasoning', TOP_LEVEL, 'include_reasoning is false');
  }
  const choice = givenChoice(request.tool_choice);
  const mayCallMany = request.parallel_tool_calls ?? null;
  return calledTools({ tools, choice, mayCallMany, reasoning: reasoningOf(request) }, fields);
}

function reasoningOf(request: ToolFields): AnswerForm['reasoning'] {
  if (request.include_reasoning === false) return 'hidden';
  return request.separate_reasoning === false ? 'inline' : 'apart';
}

function givenTool(tool: RequestTool, index: number, fields: FieldCheck): GivenTool {
  const exact = `tools[${index}].`;
  fields.check(tool, TOOL_FIELDS, { exact, general: 'tools[].' });
  const place = { exact: `${exact}function.`, general: 'tools[].function.' };
  fields.check(tool.function, TOOL_FUNCTION_FIELDS, place);
  const { name, description, parameters, strict } = tool.function;
  return { place: place.exact, name, description, parameters, strict };
}

function checkChoice(choice: ToolFields['tool_choice'], fields: FieldCheck): void {
  if (typeof choice !== 'object' || choice === null) return;
  const place = { exact: 'tool_choice.', general: 'tool_choice.' };
  if (choice.type === 'function') {
    checkNamedTool(choice, fields, place);
    return;
  }
  fields.check(choice, ALLOWED_CHOICE_FIELDS, place);
  const inside = 'tool_choice.allowed_tools.';
  fields.check(choice.allowed_tools, ALLOWED_TOOLS_FIELDS, { exact: inside, general: inside });
  for (const [index, tool] of choice.allowed_tools.tools.entries()) {
    checkNamedTool(tool, fields, { exact: `${inside}tools[${index}].`, general: `${inside}tools[].` });
  }
}

function checkNamedTool(tool: NamedTool, fields: FieldCheck, { exact, general }: FieldPlace): void {
  fields.check(tool, TOOL_FIELDS, { exact, general });
  const place = { exact: `${exact}function.`, general: `${general}function.` };
  fields.check(tool.function, NAMED_FUNCTION_FIELDS, place);
}

function givenChoice(choice: ToolFields['tool_choice']): GivenChoice {
  if (choice == null) return { kind: 'auto' };
  if (typeof choice === 'string') return { kind: choice };
  if (choice.type === 'function') {
    return { kind: 'named', named: { name: choice.function.name, param: 'tool_choice.function.name' } };
  }
  const { mode, tools } = choice.allowed_tools;
  const allowed = tools.map((tool, index) => ({
    name: tool.function.name,
    param: `tool_choice.allowed_tools.tools[${index}].function.name`,
  }));
  return { kind: 'allowed', mode, allowed };
}
