/** Answers of the two probes when all is well; otherwise they answer with an error body. */

import { z } from 'zod';

export const healthSchema = z.strictObject({ status: z.literal('alive') });

export const readySchema = z.strictObject({ status: z.literal('ready') });
