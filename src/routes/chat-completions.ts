/** POST /v1/chat/completions: how a chat request is read and its answer written. */

import type { Handler } from 'hono';
import { parseChatRequest } from './chat-request.ts';
import { ChatChunkEncoder, chatCompletion } from './chat-response.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { type GenerationEndpoint, generationRoute } from './generation-route.ts';
import type { GenerationCall } from './text-request.ts';

const CHAT: GenerationEndpoint<GenerationCall> = {
  idPrefix: 'chatcmpl-',
  parse: parseChatRequest,
  whole: ({ text }, answer, identity) => chatCompletion(answer, identity, text),
  encoder: ({ text, includeUsage }, identity) =>
    new ChatChunkEncoder(identity, { choiceCount: text.choiceCount, includeUsage }),
};

/** Handler of POST /v1/chat/completions. */
export function chatCompletions(dependencies: AppDependencies): Handler<AppEnvironment> {
  return generationRoute(CHAT, dependencies);
}
