/** The request fields that say which functions the model may call, and whether its thoughts are told. */

import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../base/json-object.ts';
import { TOOL_NAME_CHARACTERS_MAX, TOOLS_MAX } from '../../base/limits.ts';
import { listOf } from './generation-fields.ts';

const functionName = z
  .string()
  .regex(new RegExp(`^[a-zA-Z0-9_-]{1,${TOOL_NAME_CHARACTERS_MAX}}$`), {
    error: `expected 1 to ${TOOL_NAME_CHARACTERS_MAX} letters, digits, underscores and dashes`,
  })
  .describe('Letters, digits, underscores and dashes.');

/** What describes a function, in chat requests and in those for responses. */
export const functionFields = {
  name: functionName,
  description: z.string().nullish(),
  parameters: z
    .custom<JsonObject>(isJsonObject, { error: 'expected a JSON Schema, which is an object' })
    .nullish()
    .meta({
      type: ['object', 'null'],
      description: 'A JSON Schema of type object. Left out: there are none.',
    }),
  strict: z
    .boolean()
    .nullish()
    .describe(
      'Arguments have to fit `parameters`, and a schema that they cannot be held to is refused. Without it they fit ' +
        'too where a call is demanded, and where a token announces one, as far as the schema can be held.',
    ),
};

const toolSchema = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject(functionFields),
});

const namedFunction = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({ name: z.string() }),
});

const allowedTools = z.looseObject({
  type: z.literal('allowed_tools'),
  allowed_tools: z.looseObject({
    mode: z.enum(['auto', 'required']),
    tools: listOf(namedFunction, { min: 1, max: TOOLS_MAX }),
  }),
});

type Choosable = z.ZodObject & z.core.$ZodTypeDiscriminable;

/** Which functions may be called, in the shapes that an endpoint has for a tool, a named one and a list of them. */
export function callFields<Tool extends z.ZodType, Named extends Choosable, Allowed extends Choosable>(
  tool: Tool,
  named: Named,
  allowed: Allowed,
) {
  return {
    tools: listOf(tool, { min: 0, max: TOOLS_MAX }).nullish().describe('Functions that the model may call.'),
    tool_choice: z
      .union([z.enum(['none', 'auto', 'required']), z.discriminatedUnion('type', [named, allowed])])
      .nullish()
      .describe(
        '`auto` by default. `required`, a named function and `allowed_tools` of mode `required` hold the model to calls.',
      ),
    parallel_tool_calls: z.boolean().nullish().describe('False: one call at most.'),
  };
}

export const toolFields = {
  ...callFields(toolSchema, namedFunction, allowedTools),
  include_reasoning: z
    .boolean()
    .nullish()
    .describe('Extension. As in vLLM: false leaves out what the model thinks; it is counted all the same.'),
  separate_reasoning: z
    .boolean()
    .nullish()
    .describe('Extension. As in SGLang: false leaves what the model thinks in `content`, between its marks.'),
};

const toolFieldsSchema = z.looseObject(toolFields);

export type ToolFields = z.infer<typeof toolFieldsSchema>;
export type RequestTool = NonNullable<ToolFields['tools']>[number];
export type NamedTool = z.infer<typeof namedFunction>;
