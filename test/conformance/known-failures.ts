/** Cases that fail today, each with its reason. A case that passes must leave this list: the run says so. */

import type { KnownFailure } from './verdict.ts';

const HARDLY_VARIES = 'the answers of the model in the box hardly vary, whatever the temperature';
const SHORT = 'the model in the box answers the long question in fewer tokens than the bound that is tried';
const ENDLESS = 'nothing bounds the strings of the answer, and the small model fills its context within one';

/** Fails in some runs and passes in others, by what the model says. */
function unsteady(judge: string, reason: string, ...cases: string[]): readonly KnownFailure[] {
  return cases.map((name) => ({ judge, case: name, reason, mayPass: true }));
}

export const KNOWN_FAILURES: readonly KnownFailure[] = [
  {
    judge: 'llm-comply',
    case: 'chat-image-input',
    reason: 'images are refused by name: the models served here read text',
  },
  ...unsteady('openai-test', HARDLY_VARIES, 'parameters.temperature *'),
  ...unsteady('openai-test', SHORT, 'parameters.max_completion_tokens *'),
  ...unsteady('openai-test', ENDLESS, 'structured_output.*'),
];
