/**
 * Long prompts are rendered and tokenised in a thread of their own, because both keep their thread busy, and on the main
 * thread every stream would wait for them. It is started by the first long prompt, since it holds a tokenizer of its own,
 * and anew after it has failed. Short prompts are not worth the way.
 */

import { Worker } from 'node:worker_threads';
import { assert, assertNever } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import { LONG_PROMPT_CHARACTERS } from '../base/limits.ts';
import type { ToolDefinition } from '../text/chat-message.ts';
import type { MessageParsers } from '../text/message/message-dialect.ts';
import type { EncodedPrompt, EncodePromptOptions } from './prompt-encoding.ts';
import type { PromptAnswer, PromptCall, PromptThreadData } from './prompt-protocol.ts';
import type { Prompt } from './text-generation.ts';

export type PromptThreadOptions = {
  readonly modelDirectory: string;
  /** How calls and thoughts are told apart, as on the main thread. */
  readonly parsers: MessageParsers;
  /** The compiled worker; the one beside this file by default. */
  readonly workerUrl?: URL;
};

type Waiting = {
  readonly call: PromptCall;
  readonly isWanted: () => boolean;
  readonly resolve: (encoded: EncodedPrompt) => void;
  readonly reject: (error: Error) => void;
};

/** Whether a prompt would keep the main thread busy for more than a few milliseconds. */
export function isLongPrompt(prompt: Prompt): boolean {
  switch (prompt.kind) {
    case 'tokens':
      return false;
    case 'text':
      return prompt.text.length > LONG_PROMPT_CHARACTERS;
    case 'infill':
      return prompt.prefix.length + prompt.suffix.length > LONG_PROMPT_CHARACTERS;
    case 'messages':
      return (
        prompt.messages.reduce((sum, { content }) => sum + lengthOf(content), 0) +
          lengthOfTools(prompt.rendering.tools) >
        LONG_PROMPT_CHARACTERS
      );
    default:
      return assertNever(prompt);
  }
}

type Content = Extract<Prompt, { kind: 'messages' }>['messages'][number]['content'];

function lengthOfTools(tools: readonly ToolDefinition[]): number {
  return tools.length === 0 ? 0 : JSON.stringify(tools).length;
}

function lengthOf(content: Content): number {
  if (content === null) return 0;
  if (typeof content === 'string') return content.length;
  return content.reduce((sum, { text }) => sum + text.length, 0);
}

export class PromptThread {
  readonly #options: PromptThreadOptions;
  /** In order of arrival; the first one is with the worker. */
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #nextCallId = 1;

  constructor(options: PromptThreadOptions) {
    this.#options = options;
  }

  /**
   * As `encodePrompt`. A prompt that is no longer wanted when its turn comes is passed over.
   * @throws (rejects with) ServerError of `encodePrompt`; any other error when the thread fails.
   */
  encode(prompt: Prompt, options: EncodePromptOptions, isWanted: () => boolean): Promise<EncodedPrompt> {
    return new Promise((resolve, reject) => {
      const call: PromptCall = { callId: this.#nextCallId++, prompt, options };
      this.#waiting.push({ call, isWanted, resolve, reject });
      if (this.#waiting.length === 1) this.#postNext();
    });
  }

  #postNext(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.isWanted()) {
        this.#worker ??= this.#start();
        this.#worker.postMessage(next.call);
        return;
      }
      this.#waiting.shift();
      next.reject(new Error('The prompt is no longer wanted.'));
    }
  }

  #start(): Worker {
    const { workerUrl = new URL('./prompt-worker.js', import.meta.url), ...data } = this.#options;
    const worker = new Worker(workerUrl, { workerData: data satisfies PromptThreadData });
    // A prompt that nobody else waits for is no reason for the process to stay.
    worker.unref();
    worker.on('message', (answer: PromptAnswer) => this.#settle(answer));
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', (code) =>
      this.#fail(worker, new Error(`The prompt thread ended (exit code ${code}).`)),
    );
    return worker;
  }

  #settle(answer: PromptAnswer): void {
    const waiting = this.#waiting.shift();
    assert(waiting?.call.callId === answer.callId, 'prompts are answered in their order');
    const result = resultOf(answer);
    if (result instanceof Error) waiting.reject(result);
    else waiting.resolve(result);
    this.#postNext();
  }

  /** Whoever waits fails; the next long prompt starts another worker. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

function resultOf(answer: PromptAnswer): EncodedPrompt | Error {
  switch (answer.kind) {
    case 'prompt-encoded':
      return { text: answer.text, tokenIds: answer.tokenIds };
    case 'prompt-refused': {
      const { code, message, param } = answer;
      return new ServerError(code, message, param === null ? {} : { param });
    }
    case 'prompt-failed':
      return new Error(answer.message);
    default:
      return assertNever(answer);
  }
}
