/**
 * From tools and a choice among them, whichever endpoint's request they were read from, to what the model is told of
 * and what its answer may call. Pure.
 */

import type { JsonObject } from '../base/json-object.ts';
import { TOOL_ARGUMENTS_DEPTH_MAX, TOOL_CALLS_MAX } from '../base/limits.ts';
import type { AnswerForm, CallableTool } from '../engine/text-generation.ts';
import type { ToolDefinition } from '../text/chat-message.ts';
import { type FieldCheck, TOP_LEVEL } from './schema/fields.ts';
import { invalid, isNestedTooDeep, withWellFormedText } from './text-request.ts';

/** A function as a request describes it. */
export type GivenTool = {
  /** Where its fields lie in the request, with the dot behind it. */
  readonly place: string;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly parameters?: JsonObject | null | undefined;
  readonly strict?: boolean | null | undefined;
};

/** A function that a choice names, and the field that names it. */
export type NamedFunction = { readonly name: string; readonly param: string };

/** How the model is to choose. */
export type GivenChoice =
  | { readonly kind: 'none' }
  | { readonly kind: 'auto' }
  | { readonly kind: 'required' }
  | { readonly kind: 'named'; readonly named: NamedFunction }
  | {
      readonly kind: 'allowed';
      readonly mode: 'auto' | 'required';
      readonly allowed: readonly NamedFunction[];
    };

export type GivenTools = {
  readonly tools: readonly GivenTool[];
  readonly choice: GivenChoice;
  /** The request's `parallel_tool_calls`. */
  readonly mayCallMany: boolean | null;
  readonly reasoning: AnswerForm['reasoning'];
};

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

/** @throws ServerError `invalid_request` for tools and choices that cannot be served. */
export function calledTools(given: GivenTools, fields: FieldCheck): ToolRequest {
  const { tools, mayCallMany, reasoning } = given;
  checkTools(tools);
  const choice = choiceAmong(tools, given.choice);
  const isOff = choice.kind === 'none';
  if (isOff && mayCallMany !== null) {
    const reason = 'without tools that may be called it decides nothing';
    fields.ignore('parallel_tool_calls', TOP_LEVEL, reason);
  }
  if (choice.kind === 'named' && mayCallMany === true) {
    fields.ignore('parallel_tool_calls', TOP_LEVEL, 'a named function is called once');
  }
  const isSingle = choice.kind === 'named' || mayCallMany === false;
  return {
    definitions: isOff ? [] : tools.map(definitionOf),
    form: {
      tools: isOff ? [] : tools.filter(({ name }) => choice.names.has(name)).map(callableOf),
      mustCall: choice.kind === 'required' || choice.kind === 'named',
      callsMax: isSingle ? 1 : TOOL_CALLS_MAX,
      reasoning,
    },
    isNamed: choice.kind === 'named',
  };
}

function callableOf({ place, name, parameters, strict }: GivenTool): CallableTool {
  return {
    name,
    parameters: withWellFormedText(parameters ?? NO_PARAMETERS) as JsonObject,
    param: `${place}parameters`,
    isStrict: strict ?? false,
  };
}

function definitionOf({ name, description, parameters }: GivenTool): ToolDefinition {
  return {
    type: 'function',
    function: {
      name,
      ...(description == null ? {} : { description: withWellFormedText(description) as string }),
      parameters: withWellFormedText(parameters ?? NO_PARAMETERS) as JsonObject,
    },
  };
}

function checkTools(tools: readonly GivenTool[]): void {
  const names = new Set<string>();
  for (const { place, name, parameters } of tools) {
    checkParameters(parameters, `${place}parameters`);
    if (names.has(name)) throw invalid(`${place}name`, `Two tools have the name '${name}'.`);
    names.add(name);
  }
}

function checkParameters(parameters: JsonObject | null | undefined, param: string): void {
  if (parameters == null) return;
  if (!allowsObjects(parameters['type'])) {
    const message = `'${param}.type': arguments are an object, so it has to be "object", or a list with it.`;
    throw invalid(`${param}.type`, message);
  }
  if (isNestedTooDeep(parameters, TOOL_ARGUMENTS_DEPTH_MAX)) {
    throw invalid(param, `'${param}' is nested more than ${TOOL_ARGUMENTS_DEPTH_MAX} deep.`);
  }
}

/** Arguments are an object whatever else the schema allows. */
function allowsObjects(type: unknown): boolean {
  return type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'));
}

function choiceAmong(tools: readonly GivenTool[], choice: GivenChoice): ToolChoice {
  const names = new Set(tools.map(({ name }) => name));
  if (choice.kind === 'none' || choice.kind === 'auto') {
    return { kind: tools.length === 0 ? 'none' : choice.kind, names };
  }
  if (tools.length === 0) throw invalid('tool_choice', "'tool_choice' needs 'tools' to choose from.");
  if (choice.kind === 'required') return { kind: 'required', names };
  const named = choice.kind === 'named' ? [choice.named] : choice.allowed;
  for (const { name, param } of named) {
    if (!names.has(name)) throw invalid(param, `'${param}' names a function that is not among the tools.`);
  }
  return {
    kind: choice.kind === 'named' ? 'named' : choice.mode,
    names: new Set(named.map(({ name }) => name)),
  };
}
