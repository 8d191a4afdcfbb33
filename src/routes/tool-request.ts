/** From OpenAI's tools and tool choice to what the model is told of and what its answer may call. Pure. */

import { TOOL_ARGUMENTS_DEPTH_MAX, TOOL_CALLS_MAX } from '../base/limits.ts';
import type { AnswerForm, CallableTool } from '../engine/text-generation.ts';
import type { ToolDefinition } from '../text/chat-message.ts';
import type { JsonObject } from './request-body.ts';
import { type FieldCheck, type FieldPlace, TOP_LEVEL } from './schema/fields.ts';
import {
  ALLOWED_CHOICE_FIELDS,
  ALLOWED_TOOLS_FIELDS,
  NAMED_FUNCTION_FIELDS,
  TOOL_FIELDS,
  TOOL_FUNCTION_FIELDS,
} from './schema/tool-field-tables.ts';
import type { NamedTool, RequestTool, ToolFields } from './schema/tool-fields.ts';
import { invalid, isNestedTooDeep, unsupported, withWellFormedText } from './text-request.ts';

export type ToolRequest = {
  /** What the model is told of. */
  readonly definitions: readonly ToolDefinition[];
  readonly form: AnswerForm;
  /** OpenAI says that such an answer ends with `stop`. */
  readonly isNamed: boolean;
};

type ToolChoice = {
  readonly kind: 'none' | 'auto' | 'required' | 'named';
  readonly names: ReadonlySet<string>;
};

/** Without `parameters` a function has none. */
const NO_PARAMETERS: JsonObject = { type: 'object', properties: {} };

/** Custom tools are known by their type, before the schema calls that a wrong value. @throws ServerError */
export function refuseCustomTools(body: JsonObject): void {
  const { tools, tool_choice: choice } = body;
  const isCustom = (value: unknown): boolean => (value as { type?: unknown } | null)?.type === 'custom';
  const reason = 'custom tools, whose input is free text, are not supported by this server: use functions.';
  const index = Array.isArray(tools) ? tools.findIndex(isCustom) : -1;
  if (index >= 0) throw unsupported(`tools[${index}].type`, `'tools[${index}].type': ${reason}`);
  if (isCustom(choice)) throw unsupported('tool_choice.type', `'tool_choice.type': ${reason}`);
}

/** @throws ServerError for what the schema lets pass and what cannot be served. */
export function toolRequestOf(request: ToolFields, fields: FieldCheck): ToolRequest {
  const tools = request.tools ?? [];
  checkTools(tools, fields);
  checkChoice(request.tool_choice, fields);
  const choice = choiceOf(request, tools);
  const isOff = choice.kind === 'none';
  if (isOff && request.parallel_tool_calls != null) {
    const reason = 'without tools that may be called it decides nothing';
    fields.ignore('parallel_tool_calls', TOP_LEVEL, reason);
  }
  if (choice.kind === 'named' && request.parallel_tool_calls === true) {
    fields.ignore('parallel_tool_calls', TOP_LEVEL, 'a named function is called once');
  }
  if (request.include_reasoning === false && request.separate_reasoning === false) {
    fields.ignore('separate_reasoning', TOP_LEVEL, 'include_reasoning is false');
  }
  const isSingle = choice.kind === 'named' || request.parallel_tool_calls === false;
  return {
    definitions: isOff ? [] : tools.map(definitionOf),
    form: {
      tools: isOff ? [] : tools.flatMap((tool, index) => callableOf(tool, index, choice)),
      mustCall: choice.kind === 'required' || choice.kind === 'named',
      callsMax: isSingle ? 1 : TOOL_CALLS_MAX,
      reasoning: reasoningOf(request),
    },
    isNamed: choice.kind === 'named',
  };
}

function callableOf({ function: called }: RequestTool, index: number, { names }: ToolChoice): CallableTool[] {
  const { name, strict } = called;
  if (!names.has(name)) return [];
  const param = `tools[${index}].function.parameters`;
  const parameters = withWellFormedText(parametersOf(called)) as JsonObject;
  return [{ name, parameters, param, isStrict: strict ?? false }];
}

function reasoningOf(request: ToolFields): AnswerForm['reasoning'] {
  if (request.include_reasoning === false) return 'hidden';
  return request.separate_reasoning === false ? 'inline' : 'apart';
}

function parametersOf({ parameters }: RequestTool['function']): JsonObject {
  return parameters ?? NO_PARAMETERS;
}

function definitionOf({ function: called }: RequestTool): ToolDefinition {
  const { name, description } = called;
  return {
    type: 'function',
    function: {
      name,
      ...(description == null ? {} : { description: withWellFormedText(description) as string }),
      parameters: withWellFormedText(parametersOf(called)) as JsonObject,
    },
  };
}

function checkTools(tools: readonly RequestTool[], fields: FieldCheck): void {
  const names = new Set<string>();
  for (const [index, tool] of tools.entries()) {
    const exact = `tools[${index}].`;
    fields.check(tool, TOOL_FIELDS, { exact, general: 'tools[].' });
    const place = { exact: `${exact}function.`, general: 'tools[].function.' };
    fields.check(tool.function, TOOL_FUNCTION_FIELDS, place);
    checkParameters(tool.function.parameters, `${place.exact}parameters`);
    const { name } = tool.function;
    if (names.has(name)) throw invalid(`${place.exact}name`, `Two tools have the name '${name}'.`);
    names.add(name);
  }
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

function checkParameters(parameters: JsonObject | null | undefined, param: string): void {
  if (parameters == null) return;
  const { type } = parameters;
  if (type !== undefined && type !== 'object') {
    throw invalid(`${param}.type`, `'${param}.type': arguments are an object, so it has to be "object".`);
  }
  if (isNestedTooDeep(parameters, TOOL_ARGUMENTS_DEPTH_MAX)) {
    throw invalid(param, `'${param}' is nested more than ${TOOL_ARGUMENTS_DEPTH_MAX} deep.`);
  }
}

function choiceOf({ tool_choice: choice }: ToolFields, tools: readonly RequestTool[]): ToolChoice {
  const names = new Set(tools.map((tool) => tool.function.name));
  if (choice == null || choice === 'auto' || choice === 'none') {
    return { kind: choice === 'none' || tools.length === 0 ? 'none' : 'auto', names };
  }
  if (tools.length === 0) throw invalid('tool_choice', "'tool_choice' needs 'tools' to choose from.");
  if (choice === 'required') return { kind: 'required', names };
  if (choice.type === 'function') {
    requireKnown(choice.function.name, names, 'tool_choice.function.name');
    return { kind: 'named', names: new Set([choice.function.name]) };
  }
  const { mode, tools: allowed } = choice.allowed_tools;
  for (const [index, each] of allowed.entries()) {
    requireKnown(each.function.name, names, `tool_choice.allowed_tools.tools[${index}].function.name`);
  }
  return { kind: mode, names: new Set(allowed.map((each) => each.function.name)) };
}

function requireKnown(name: string, names: ReadonlySet<string>, param: string): void {
  if (!names.has(name)) throw invalid(param, `'${param}' names a function that is not among the tools.`);
}
