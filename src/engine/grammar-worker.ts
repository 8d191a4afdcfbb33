/** Entry of the thread that compiles grammars, one after the other. Programs go out in shared memory, uncopied. */

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { compileGrammar } from '../sampling/grammar/compile-grammar.ts';
import { answerCall, THREAD_UP, type ThreadCall } from './call-protocol.ts';
import type { GrammarThreadData } from './grammar-thread.ts';

assert(parentPort !== null, 'grammar-worker runs in a worker thread');
const port = parentPort;
const { addedTokenIds } = workerData as GrammarThreadData;
const options = { addedTokenId: (text: string) => addedTokenIds.get(text) ?? null };
port.on('message', (call: ThreadCall<string>) => {
  port.postMessage(answerCall(call, (source) => compileGrammar(JSON.parse(source), options)));
});
port.postMessage(THREAD_UP);
