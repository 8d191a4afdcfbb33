/**
 * From the tools of a request for a response to what all endpoints know of them. The model is told of the functions of a
 * namespace by names that have it in front; items of the input and of the output have the two apart. Pure.
 */

import type { JsonObject } from '../../base/json-object.ts';
import { TOOLS_MAX } from '../../base/limits.ts';
import { calledTools, type GivenChoice, type GivenTool, type ToolRequest } from '../called-tools.ts';
import type { FieldCheck } from '../schema/fields.ts';
import {
  ALLOWED_TOOLS_FIELDS,
  FUNCTION_FIELDS,
  NAMED_FUNCTION_FIELDS,
  NAMESPACE_FIELDS,
} from '../schema/responses-field-tables.ts';
import {
  type FunctionTool,
  type NamespaceTool,
  type ResponsesRequest,
  type ResponsesTool,
  SERVER_TOOLS,
} from '../schema/responses-request.ts';
import { invalid, unsupported } from '../text-request.ts';
import { NO_CUSTOM_TOOLS } from '../tool-request.ts';

/** What a client calls a function. */
export type FunctionName = { readonly name: string; readonly namespace: string | null };

/** Of functions in namespaces, by what the model calls them. */
export type FunctionNames = ReadonlyMap<string, FunctionName>;

/** What the model calls a function: as clients do that have only one name for it. A namespace without a name is none. */
export function toldName(name: string, namespace: string | null | undefined): string {
  return namespace ? `${namespace}__${name}` : name;
}

/** @throws ServerError for tools that others serve and this server does not, which the schema would call a wrong value. */
export function refuseTools({ tools }: JsonObject, exact = ''): void {
  const given: readonly unknown[] = Array.isArray(tools) ? tools : [];
  const mayOfferOthers = exact === '' && given.some((tool) => CALLABLE.has(typeOf(tool)));
  for (const [index, tool] of given.entries()) {
    const type = typeOf(tool);
    const place = `${exact}tools[${index}].`;
    if (type === 'namespace' && exact === '') refuseTools(tool as JsonObject, place);
    else if (typeof type === 'string' && type !== 'function' && !(mayOfferOthers && isServerTool(type))) {
      const param = `${place}type`;
      throw unsupported(param, `'${param}': ${type === 'custom' ? NO_CUSTOM_TOOLS : NO_TOOLS}`);
    }
  }
}

const CALLABLE: ReadonlySet<unknown> = new Set(['function', 'namespace']);

function typeOf(tool: unknown): unknown {
  return (tool as { type?: unknown } | null)?.type;
}

const isServerTool = (type: string): boolean => SERVER_TOOLS.some((name) => name === type);

const NO_TOOLS = 'this server runs no tools of its own; only functions can be called.';

/** @throws ServerError for what the schema lets pass and what cannot be served. */
export function toolRequestOf(
  request: ResponsesRequest,
  fields: FieldCheck,
): ToolRequest & { readonly functionNames: FunctionNames } {
  const tools = (request.tools ?? []).flatMap((tool, index) =>
    givenTools(tool, { place: { exact: `tools[${index}].`, general: 'tools[].' }, fields }),
  );
  if (tools.length > TOOLS_MAX) {
    throw invalid('tools', `'tools' has ${tools.length} functions; at most ${TOOLS_MAX} are served.`);
  }
  const choice = choiceOf(request.tool_choice, fields);
  const mayCallMany = request.parallel_tool_calls ?? null;
  return {
    ...calledTools({ tools, choice, mayCallMany, reasoning: 'apart' }, fields),
    functionNames: namesOf(request.tools ?? []),
  };
}

function namesOf(tools: readonly ResponsesTool[]): FunctionNames {
  const names = new Map<string, FunctionName>();
  for (const tool of tools) {
    if (tool.type !== 'namespace') continue;
    for (const { name } of tool.tools) names.set(toldName(name, tool.name), { name, namespace: tool.name });
  }
  return names;
}

type Place = { readonly exact: string; readonly general: string };
type Checking = { readonly place: Place; readonly fields: FieldCheck };

function givenTools(tool: ResponsesTool, { place, fields }: Checking): GivenTool[] {
  switch (tool.type) {
    case 'function':
      return [givenTool(tool, null, { place, fields })];
    case 'namespace':
      return functionsOf(tool, { place, fields });
    default:
      // Nothing is demanded of a tool that the model may do without, as it has others.
      fields.ignore(tool.type, place, 'it runs no tools of its own');
      return [];
  }
}

function functionsOf(namespace: NamespaceTool, { place, fields }: Checking): GivenTool[] {
  fields.check(namespace, NAMESPACE_FIELDS, place);
  return namespace.tools.map((tool, index) => {
    const inside = { exact: `${place.exact}tools[${index}].`, general: `${place.general}tools[].` };
    const given = givenTool(tool, namespace.name, { place: inside, fields });
    return index === 0 ? introduced(given, namespace.description) : given;
  });
}

/** Chat templates know no namespaces: what is said of one stands before what is said of its first function. */
function introduced(tool: GivenTool, description: string | null | undefined): GivenTool {
  const said = [description, tool.description].filter(Boolean);
  return said.length === 0 ? tool : { ...tool, description: said.join('\n\n') };
}

function givenTool(tool: FunctionTool, namespace: string | null, { place, fields }: Checking): GivenTool {
  fields.check(tool, FUNCTION_FIELDS, place);
  const { name, description, parameters, strict } = tool;
  return { place: place.exact, name: toldName(name, namespace), description, parameters, strict };
}

function choiceOf(choice: ResponsesRequest['tool_choice'], fields: FieldCheck): GivenChoice {
  if (choice == null) return { kind: 'auto' };
  if (typeof choice === 'string') return { kind: choice };
  const place = { exact: 'tool_choice.', general: 'tool_choice.' };
  if (choice.type === 'function') {
    fields.check(choice, NAMED_FUNCTION_FIELDS, place);
    return {
      kind: 'named',
      named: { name: toldName(choice.name, choice.namespace), param: 'tool_choice.name' },
    };
  }
  fields.check(choice, ALLOWED_TOOLS_FIELDS, place);
  const allowed = choice.tools.map((tool, index) => {
    const exact = `tool_choice.tools[${index}].`;
    fields.check(tool, NAMED_FUNCTION_FIELDS, { exact, general: 'tool_choice.tools[].' });
    return { name: toldName(tool.name, tool.namespace), param: `${exact}name` };
  });
  return { kind: 'allowed', mode: choice.mode, allowed };
}
