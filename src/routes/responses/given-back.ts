/** What a response tells of the request that it answers: OpenAI's fields, with what stands where nothing was said. Pure. */

import type { TextGenerator } from '../../engine/text-generation.ts';
import type { ResponseObject } from '../schema/responses-object.ts';
import type {
  ChosenFunction,
  FunctionTool,
  ResponsesRequest,
  ResponsesTool,
} from '../schema/responses-request.ts';

/** Everything of a response that is known before it is made, but for its name and its time. */
export type GivenBack = Omit<
  ResponseObject,
  | 'id'
  | 'object'
  | 'created_at'
  | 'completed_at'
  | 'status'
  | 'error'
  | 'incomplete_details'
  | 'output'
  | 'usage'
>;

export function givenBack(
  request: ResponsesRequest,
  { defaults, isStored }: { readonly defaults: TextGenerator['defaults']; readonly isStored: boolean },
): GivenBack {
  return {
    model: request.model,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    text: { format: formatOf(request) },
    tools: (request.tools ?? []).flatMap(toolOf),
    tool_choice: choiceOf(request.tool_choice),
    temperature: request.temperature ?? defaults.temperature,
    top_p: request.top_p ?? defaults.topP,
    frequency_penalty: request.frequency_penalty ?? 0,
    presence_penalty: request.presence_penalty ?? 0,
    top_logprobs: request.top_logprobs ?? 0,
    store: isStored,
    previous_response_id: request.previous_response_id ?? null,
    ...UNSERVED,
  };
}

/** Fields of OpenAI's response that are the same in all of this server's. */
const UNSERVED = {
  truncation: 'disabled',
  background: false,
  max_tool_calls: null,
  service_tier: 'default',
  safety_identifier: null,
  prompt_cache_key: null,
} as const;

function formatOf({ text }: ResponsesRequest): ResponseObject['text']['format'] {
  const format = text?.format ?? { type: 'text' };
  if (format.type !== 'json_schema') return { type: format.type };
  const { type, name, schema, strict } = format;
  return { type, name: name ?? null, schema: schema ?? null, strict: strict ?? false };
}

/** Tools without effect are left out. */
function toolOf(tool: ResponsesTool): ResponseObject['tools'] {
  if (tool.type === 'function') return [functionOf(tool)];
  if (tool.type !== 'namespace') return [];
  const { type, name, description, tools } = tool;
  return [{ type, name, description: description ?? null, tools: tools.map(functionOf) }];
}

function functionOf({ name, description, parameters, strict }: FunctionTool) {
  return {
    type: 'function' as const,
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? false,
  };
}

function choiceOf(choice: ResponsesRequest['tool_choice']): ResponseObject['tool_choice'] {
  if (choice == null) return 'auto';
  if (typeof choice === 'string') return choice;
  const named = ({ name, namespace }: ChosenFunction) =>
    ({ type: 'function', name, ...(namespace && { namespace }) }) as const;
  if (choice.type === 'function') return named(choice);
  return { type: 'allowed_tools', mode: choice.mode, tools: choice.tools.map(named) };
}
