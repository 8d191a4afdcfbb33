import { describe, expect, it } from 'vitest';
import { ServerError, StartupError } from '../../src/base/errors.ts';

describe('ServerError', () => {
  it('carries code, message, parameter and cause', () => {
    const cause = new Error('below');
    const error = new ServerError('invalid_request', 'no', { param: 'messages[2].content', cause });
    expect(error).toMatchObject({
      code: 'invalid_request',
      message: 'no',
      param: 'messages[2].content',
      cause,
    });
    expect(error.name).toBe('ServerError');
    expect(error).toBeInstanceOf(Error);
  });

  it('has a null parameter when none is to blame', () => {
    expect(new ServerError('queue_full', 'full').param).toBeNull();
  });
});

describe('StartupError', () => {
  it('keeps its cause', () => {
    const cause = new Error('below');
    expect(new StartupError('no model', { cause })).toMatchObject({ name: 'StartupError', cause });
  });
});
