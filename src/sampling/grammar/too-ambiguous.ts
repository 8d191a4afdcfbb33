/** The error that ends a choice whose grammar asks for too much work, and what can be too much. */

import { ServerError } from '../../base/errors.ts';
import { GRAMMAR_READINGS_MAX, GRAMMAR_WALK_READINGS_MAX } from '../../base/grammar-limits.ts';

export const WAYS = `the output can be read in more than ${GRAMMAR_READINGS_MAX} ways`;
export const NEXT_TOKENS = `which tokens may come next takes looking at more than ${GRAMMAR_WALK_READINGS_MAX} such ways`;
export const BEGUN = `where the text that has begun leads takes looking at more than ${GRAMMAR_WALK_READINGS_MAX} such ways`;

/** @param why one of these; ends the message */
export function tooAmbiguous(why: string): ServerError {
  return new ServerError(
    'invalid_request',
    `The grammar is too ambiguous, or has too many alternatives in one place: ${why}.`,
  );
}
