import { describe, expect, it } from 'vitest';
import type { OnReadable } from '../../src/base/feed.ts';
import { type EventResponse, type EventSource, eventStream } from '../../src/routes/sse.ts';
import { WritePacer } from '../../src/routes/write-pacer.ts';
import { eventually } from '../support/server-process.ts';

/** A source whose events the test hands over. */
class FakeSource implements EventSource {
  onReadable: OnReadable = () => {};
  events = '';
  isEnding = false;

  get isOver(): boolean {
    return this.isEnding && this.events === '';
  }

  take(): string {
    const events = this.events;
    this.events = '';
    return events;
  }

  isCancelled = false;

  cancel(): void {
    this.isCancelled = true;
  }
}

/** One that keeps up. */
function aResponse(written: string[], { headersSent = true } = {}): EventResponse {
  const response = {
    headersSent,
    writable: true,
    writableNeedDrain: false,
    write: (events: string) => written.push(events) > 0,
    on: () => response,
  } as unknown as EventResponse;
  return response;
}

/** A stream that is open, has written once, and shares one write in a thousand seconds. */
async function anOpenStream() {
  const source = new FakeSource();
  const written: string[] = [];
  const response = aResponse(written);
  const clock = { monotonicMs: () => 0 };
  const pacer = new WritePacer({ clock, writesPerSecond: 0.001, delayMsMax: 3_600_000 });
  const reader = eventStream(source, { heartbeatMs: 3_600_000, pacer, response }).getReader();
  source.events = 'first ';
  const ended = reader.read();
  await Promise.resolve();
  // Takes the one write, and keeps the pacer busy for an hour.
  source.onReadable(false);
  await Promise.resolve();
  return { source, written, ended };
}

describe('eventStream', () => {
  it('goes on with the response where pieces of the body were read before its head was sent', async () => {
    const source = new FakeSource();
    const written: string[] = [];
    const response = aResponse(written, { headersSent: false });
    const pacer = new WritePacer({ clock: { monotonicMs: () => 0 }, writesPerSecond: 1000, delayMsMax: 0 });
    const options = { heartbeatMs: 3_600_000, pacer, response };
    const reader = eventStream(source, options).getReader();
    source.events = 'early ';
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('early ');
    Object.assign(response, { headersSent: true });
    const ended = reader.read();
    Object.assign(source, { events: 'late', isEnding: true });
    source.onReadable(true);
    expect((await ended).done).toBe(true);
    expect(written).toEqual(['late']);
  });

  it('writes what was ready when it was opened at once, and lets later events wait for their turn', async () => {
    const { source, written } = await anOpenStream();
    source.events = 'second ';
    source.onReadable(false);
    await Promise.resolve();
    expect(written).toEqual(['first ']);
    source.isEnding = true;
    source.onReadable(true);
  });

  it('writes the end of an answer at once, with what waited before it', async () => {
    const { source, written, ended } = await anOpenStream();
    source.events = 'second ';
    source.onReadable(false);
    source.events += 'end';
    source.isEnding = true;
    source.onReadable(true);
    expect((await ended).done).toBe(true);
    expect(written).toEqual(['first ', 'second end']);
  });

  it('takes a reader for gone that has taken nothing of what there was for 20 beats', async () => {
    const source = new FakeSource();
    const clock = { monotonicMs: () => 0 };
    const pacer = new WritePacer({ clock, writesPerSecond: 1000, delayMsMax: 0 });
    const written: string[] = [];
    const response = {
      headersSent: true,
      writable: true,
      writableNeedDrain: false,
      writableLength: 0,
      write: (events: string) => written.push(events) > 0,
      on: () => response,
    };
    const reader = eventStream(source, {
      heartbeatMs: 1,
      pacer,
      response: response as unknown as EventResponse,
    }).getReader();
    const ended = reader.read();
    await eventually(async () => written.length > 0);
    expect(source.isCancelled).toBe(false);
    // A reader that is slow and reads is not gone, however long that takes.
    let readCount = 0;
    Object.assign(response, { writableNeedDrain: true });
    Object.defineProperty(response, 'writableLength', { get: () => Math.max(500, 1000 - 10 * readCount++) });
    await eventually(async () => readCount > 50);
    expect(source.isCancelled).toBe(false);
    await expect(ended).rejects.toThrow('the reader has stopped reading');
    expect(source.isCancelled).toBe(true);
  });
});
