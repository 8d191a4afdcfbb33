/** POST /v1/chat/completions: how a chat request is read and its answer written. */

import type { Handler } from 'hono';
import { sequenceCountOf } from '../engine/text-generation.ts';
import { type ChatCall, parseChatRequest } from './chat-request.ts';
import { ChatChunkEncoder, chatCompletion } from './chat-response.ts';
import { CollectedAnswer } from './collected-answer.ts';
import type { AppDependencies, AppEnvironment } from './dependencies.ts';
import { type GenerationEndpoint, generationRoute } from './generation-route.ts';

const CHAT: GenerationEndpoint<ChatCall> = {
  idPrefix: 'chatcmpl-',
  parse: parseChatRequest,
  collector: (call, identity) =>
    new CollectedAnswer(sequenceCountOf(call.text), (answer) =>
      chatCompletion(answer, identity, { ...call.text, mayCall: mayCall(call), endsWith: endOf(call) }),
    ),
  encoder: (call, identity) =>
    new ChatChunkEncoder(identity, {
      choiceCount: call.text.choiceCount,
      includeUsage: call.includeUsage,
      wantsLogprobs: call.text.logprobCount !== null,
      mayCall: mayCall(call),
      endsWith: endOf(call),
    }),
};

function mayCall({ text }: ChatCall): boolean {
  return (text.answerForm?.tools.length ?? 0) > 0;
}

/** As OpenAI has it: a function that the request named is called with `stop`. */
function endOf({ isNamedCall }: ChatCall): 'stop' | 'tool_calls' {
  return isNamedCall ? 'stop' : 'tool_calls';
}

/** Handler of POST /v1/chat/completions. */
export function chatCompletions(dependencies: AppDependencies): Handler<AppEnvironment> {
  return generationRoute(CHAT, dependencies);
}
