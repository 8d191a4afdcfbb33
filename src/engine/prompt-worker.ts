/** Entry of the thread that encodes long prompts: a tokenizer and a template of its own, one prompt after the other. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { readModelFiles } from './model-directory.ts';
import { createPromptEncoder } from './prompt-encoder.ts';
import { encodePrompt, type PromptEncoder } from './prompt-encoding.ts';
import type { PromptAnswer, PromptCall, PromptThreadData } from './prompt-protocol.ts';

function answerTo({ callId, prompt, options }: PromptCall, encoder: PromptEncoder): PromptAnswer {
  try {
    return { callId, kind: 'prompt-encoded', ...encodePrompt(prompt, encoder, options) };
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof ServerError)) return { callId, kind: 'prompt-failed', message };
    const { code, param } = error;
    return { callId, kind: 'prompt-refused', code, message, param };
  }
}

assert(parentPort !== null, 'prompt-worker runs in a worker thread');
const port = parentPort;
const { modelDirectory, parsers } = workerData as PromptThreadData;
const encoder = createPromptEncoder(await readModelFiles(modelDirectory), parsers);
port.on('message', (call: PromptCall) => {
  const answer = answerTo(call, encoder);
  port.postMessage(answer, answer.kind === 'prompt-encoded' ? [answer.tokenIds.buffer as ArrayBuffer] : []);
});
