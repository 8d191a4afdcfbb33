/**
 * `npx tsx bench/chat-template.ts FILE …`: what rendering a chat template costs, in a conversation of 22 messages with three tools.
 * For the build before, run the same file in a worktree of it.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { ChatMessage } from '../src/text/chat-message.ts';
import { ChatTemplate, PLAIN_RENDERING } from '../src/text/chat-template.ts';

const RENDERINGS = 2000;
/** The last one counts: the first ones compile. */
const ROUNDS = 3;

const TURNS = Array.from({ length: 21 }, (_, turn): ChatMessage => {
  const content = `Message ${turn} of some length, so that there is text.`;
  return { role: turn % 2 === 0 ? 'user' : 'assistant', content };
});
const MESSAGES: ChatMessage[] = [{ role: 'system', content: 'Be brief.' }, ...TURNS];
const TOOLS = ['one', 'two', 'three'].map((name) => ({
  type: 'function' as const,
  function: {
    name,
    description: 'Does.',
    parameters: { type: 'object', properties: { a: { type: 'string' } } },
  },
}));

function microsecondsOf(template: ChatTemplate): number {
  const startMs = performance.now();
  for (let n = 0; n < RENDERINGS; n++) template.render(MESSAGES, { ...PLAIN_RENDERING, tools: TOOLS });
  return ((performance.now() - startMs) * 1000) / RENDERINGS;
}

for (const file of process.argv.slice(2)) {
  const template = new ChatTemplate({
    source: await readFile(file, 'utf8'),
    namedSpecialTokens: { eos_token: '<|im_end|>' },
    specialTokenTexts: ['<|im_start|>', '<|im_end|>'],
  });
  const rounds = Array.from({ length: ROUNDS }, () => microsecondsOf(template));
  console.log(`${rounds.at(-1)!.toFixed(0).padStart(6)} us  ${path.basename(file)}`);
}
