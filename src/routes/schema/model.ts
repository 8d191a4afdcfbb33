/** The models that this server serves, in OpenAI's shape. */

import { z } from 'zod';

export const modelSchema = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: z.int().describe('Seconds since 1970 at which the model was made.'),
  owned_by: z.string(),
  root: z
    .string()
    .describe('The checkpoint behind the name, as in vLLM; here only the name of its directory.'),
  max_model_len: z.int().describe('Tokens of prompt and output together, under the name that vLLM gives it.'),
});

export const modelListSchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(modelSchema),
});
