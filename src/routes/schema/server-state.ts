/** Answers of the small questions that routers and gateways ask, in vLLM's shapes. */

import { z } from 'zod';

export const versionSchema = z.strictObject({ version: z.string() });

export const loadSchema = z.strictObject({
  server_load: z.int().min(0).describe('Sequences in flight, waiting and running.'),
});

export const sleepingSchema = z.strictObject({ is_sleeping: z.literal(false) });
