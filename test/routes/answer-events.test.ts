import { describe, expect, it } from 'vitest';
import type { StreamEncoder } from '../../src/routes/answer.ts';
import { AnswerEvents } from '../../src/routes/answer-events.ts';
import type { RunningRequest } from '../../src/routes/running-request.ts';

/** A generation that never ends, and an encoder that throws at the second event. */
function aBrokenAnswer() {
  const seen = { cancelCount: 0, faults: [] as unknown[] };
  const running = {
    isCancelled: false,
    take: () => ({ kind: 'text-delta' }),
    cancel: () => {
      seen.cancelCount++;
    },
  } as unknown as RunningRequest;
  let encodedCount = 0;
  const encoder: StreamEncoder = {
    encode: () => {
      if (encodedCount++ > 0) throw new TypeError('no such delta');
      return 'data: {}\n\n';
    },
    failed: (body) => `data: ${JSON.stringify(body)}\n\n`,
  };
  return { seen, events: new AnswerEvents(running, encoder, (error) => seen.faults.push(error)) };
}

describe('an answer that cannot be encoded', () => {
  it('ends its stream with an error, and its generation', () => {
    const { seen, events } = aBrokenAnswer();
    expect(events.take()).toMatch(/^data: \{\}\n\ndata: \{"error":/);
    expect(events.isOver).toBe(true);
    expect(seen).toEqual({ cancelCount: 1, faults: [new TypeError('no such delta')] });
  });

  it('ends its generation before the stream is open, too', async () => {
    const { seen, events } = aBrokenAnswer();
    await expect(events.opened(1_000)).rejects.toThrow('no such delta');
    expect(seen.cancelCount).toBe(1);
  });
});
