/** The one shape of every error answer, and of an error inside an event stream. */

import { z } from 'zod';

export const errorBodySchema = z.strictObject({
  error: z.strictObject({
    message: z.string().describe('One sentence for a person.'),
    type: z.enum(['invalid_request_error', 'rate_limit_error', 'server_error']),
    param: z.string().nullable().describe('Path of the offending field, for example `messages[2].content`.'),
    code: z.string().nullable().describe('What a program may act on, for example `context_length_exceeded`.'),
  }),
});
