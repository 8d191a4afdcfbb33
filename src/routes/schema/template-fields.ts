/** The request fields that decide how messages become a prompt; of chat completions and of `/tokenize`. */

import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../../base/json-object.ts';
import { TEMPLATE_VARIABLES_MAX } from '../../base/limits.ts';

/** OpenAI's values, and `max`, which templates of other models know. */
const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

export const templateFields = {
  add_generation_prompt: z
    .boolean()
    .nullish()
    .describe("Extension. Ends the prompt with the beginning of an assistant's turn; true by default."),
  continue_final_message: z
    .boolean()
    .nullish()
    .describe(
      'Extension. The model writes on where the last message ends. Not with `add_generation_prompt`.',
    ),
  add_special_tokens: z
    .boolean()
    .nullish()
    .describe('Extension. Special tokens besides those that the chat template writes; false by default.'),
  chat_template_kwargs: z
    .custom<JsonObject>(isJsonObject, { error: 'expected an object' })
    .nullish()
    .meta({
      type: ['object', 'null'],
      maxProperties: TEMPLATE_VARIABLES_MAX,
      description:
        'Extension. Variables for the chat template; those that it does not look at have no effect.',
    }),
  reasoning_effort: z
    .enum(REASONING_EFFORTS)
    .nullish()
    .describe(
      'Handed to the chat template where that looks at it; without effect otherwise. `none` also turns thoughts off ' +
        'where the template knows `enable_thinking` or `thinking`.',
    ),
};

const templateFieldsSchema = z.looseObject(templateFields);

export type TemplateFields = z.infer<typeof templateFieldsSchema>;
