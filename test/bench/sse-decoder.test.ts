import { describe, expect, it } from 'vitest';
import { SseDecoder } from '../../bench/sse-decoder.ts';

const STREAM = Buffer.from(
  'data: {"a":"ß😀"}\n\n: comment\n\nid: 1\r\ndata: one\r\ndata:two\r\n\r\nevent: x\n\ndata: [DONE]\n\n',
);
const EVENTS = ['{"a":"ß😀"}', 'one\ntwo', '[DONE]'];

describe('SseDecoder', () => {
  it('gives the data of every event, whatever the line ends', () => {
    expect(new SseDecoder().push(STREAM)).toEqual(EVENTS);
  });

  it('gives the same events wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const decoder = new SseDecoder();
      const events = [...decoder.push(STREAM.subarray(0, cut)), ...decoder.push(STREAM.subarray(cut))];
      expect(events, `cut at byte ${cut}`).toEqual(EVENTS);
    }
  });

  it('gives the same events byte by byte', () => {
    const decoder = new SseDecoder();
    const events = Array.from(STREAM, (byte) => decoder.push(Uint8Array.of(byte))).flat();
    expect(events).toEqual(EVENTS);
  });

  it('holds back an event that is not complete', () => {
    expect(new SseDecoder().push(Buffer.from('data: half\n'))).toEqual([]);
  });
});
