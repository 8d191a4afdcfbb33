import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import type { SequenceToken } from '../../src/batching/generation-request.ts';
import { TokenStream } from '../../src/engine/token-stream.ts';

function aToken(tokenId: number, finishReason: SequenceToken['finishReason'] = null): SequenceToken {
  return { sequenceId: 1, tokenId, logprobs: null, cachedTokenCount: 0, finishReason };
}

function aStream() {
  const told: (boolean | undefined)[] = [];
  const stream = new TokenStream({ onReadable: (isUrgent) => told.push(isUrgent), onEnd: () => {} });
  return { stream, told };
}

describe('TokenStream', () => {
  it('calls its listener urgently for the last token only', () => {
    const { stream, told } = aStream();
    stream.push(aToken(5));
    stream.push(aToken(6));
    stream.push(aToken(7, 'length'));
    expect(told).toEqual([false, false, true]);
  });

  it('calls its listener urgently for a failure', () => {
    const { stream, told } = aStream();
    stream.fail(new ServerError('step_failed', 'It failed.'));
    expect(told).toEqual([true]);
    expect(() => stream.take()).toThrow('It failed.');
  });

  it('merges the tokens that were not taken in time, and gives the end behind them', () => {
    const { stream } = aStream();
    for (const token of [aToken(5), aToken(6, 'stop')]) stream.push(token);
    expect(stream.take()).toMatchObject({ kind: 'tokens-delta', tokens: [{ tokenId: 5 }, { tokenId: 6 }] });
    expect([stream.take(), stream.take()]).toEqual([{ kind: 'finish', reason: 'stop' }, null]);
  });

  it('adds up what came of the prediction', () => {
    const { stream } = aStream();
    const predictedNow = () => {
      const event = stream.take();
      return event?.kind === 'tokens-delta' ? event.predicted : null;
    };
    stream.push(aToken(5));
    expect(predictedNow()).toEqual({ acceptedCount: 0, rejectedCount: 0 });
    stream.pushPrediction({ acceptedCount: 2, rejectedCount: 1 });
    stream.push(aToken(6));
    stream.pushPrediction({ acceptedCount: 0, rejectedCount: 3 });
    stream.push(aToken(7));
    expect(predictedNow()).toEqual({ acceptedCount: 2, rejectedCount: 4 });
  });
});
