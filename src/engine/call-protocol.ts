/**
 * The messages between the main thread and a thread that answers its calls (`call-thread.ts`), and how such a thread
 * makes its answers. Errors of a request keep their code and their parameter on the way.
 */

import { assertNever } from '../base/assert.ts';
import { type ErrorCode, ServerError } from '../base/errors.ts';

export type ThreadCall<Input> = { readonly callId: number; readonly input: Input };

export type ThreadAnswer<Output> = { readonly callId: number } & (
  | { readonly kind: 'call-done'; readonly output: Output }
  | {
      readonly kind: 'call-refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly param: string | null;
    }
  | { readonly kind: 'call-failed'; readonly message: string }
);

/** What a thread whose calls have a time limit says once it has loaded: only then does the time of its first call begin. */
export const THREAD_UP = { kind: 'thread-up' } as const;

export type ThreadMessage<Output> = ThreadAnswer<Output> | typeof THREAD_UP;

/** In the thread: what `compute` returns or throws, as a message. */
export function answerCall<Input, Output>(
  { callId, input }: ThreadCall<Input>,
  compute: (input: Input) => Output,
): ThreadAnswer<Output> {
  try {
    return { callId, kind: 'call-done', output: compute(input) };
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof ServerError)) return { callId, kind: 'call-failed', message };
    const { code, param } = error;
    return { callId, kind: 'call-refused', code, message, param };
  }
}

/** On the main thread: why there is no output. */
export function errorOf(answer: Exclude<ThreadAnswer<never>, { readonly kind: 'call-done' }>): Error {
  switch (answer.kind) {
    case 'call-refused': {
      const { code, message, param } = answer;
      return new ServerError(code, message, param === null ? {} : { param });
    }
    case 'call-failed':
      return new Error(answer.message);
    default:
      return assertNever(answer);
  }
}
