/**
 * Assertions. They stay on in production: a broken invariant must end the engine loudly, not corrupt a
 * neighbour's request. For what a client may get wrong, throw a `ServerError` instead.
 */

/** Thrown when the program contradicts itself. Never caught to carry on. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** @throws AssertionError when `condition` does not hold; `message` states the contract that was broken. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Ends a `switch` over a closed union: the compiler refuses it when a case is missing. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected value: ${JSON.stringify(value)}`);
}
