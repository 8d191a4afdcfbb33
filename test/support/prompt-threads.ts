/** What stands in for the thread of long prompts in tests of the main thread. */

import type { PromptThread } from '../../src/engine/prompt-thread.ts';

/** For tests in which every prompt is short. */
export const NO_LONG_PROMPTS: Pick<PromptThread, 'encode'> = {
  encode: () => Promise.reject(new Error('a long prompt in a test without any')),
};
