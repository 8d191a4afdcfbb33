/** Entry of the thread that encodes long prompts: a tokenizer and a template of its own, one prompt after the other. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { answerCall, type ThreadCall } from './call-protocol.ts';
import { parseModelFiles } from './model-directory.ts';
import { createPromptEncoder } from './prompt-encoder.ts';
import { encodePrompt } from './prompt-encoding.ts';
import type { PromptInput, PromptThreadData } from './prompt-protocol.ts';

assert(parentPort !== null, 'prompt-worker runs in a worker thread');
const port = parentPort;
const { model, parsers } = workerData as PromptThreadData;
const encoder = createPromptEncoder(parseModelFiles(model), parsers);
port.on('message', (call: ThreadCall<PromptInput>) => {
  port.postMessage(answerCall(call, ({ prompt, options }) => encodePrompt(prompt, encoder, options)));
});
