/** What a client makes of a streamed response: every event held against the schema, and their sum. */

import { expect } from 'vitest';
import {
  type OutputItem,
  type ResponseObject,
  type ResponseStreamEvent,
  responseStreamEventSchema,
} from '../../src/routes/schema/responses-object.ts';

/** The events of a finished stream. Fails the test for one that is not of the schema, misnamed or misnumbered. */
export async function responseEvents(response: Response): Promise<ResponseStreamEvent[]> {
  const blocks = (await response.text()).split('\n\n').filter((block) => block.startsWith('event: '));
  return blocks.map((block, index) => {
    const [name, data] = block.split('\n') as [string, string];
    const event = responseStreamEventSchema.parse(JSON.parse(data.slice('data: '.length)));
    expect(name).toBe(`event: ${event.type}`);
    expect(event.sequence_number).toBe(index);
    return event;
  });
}

/** The last event's response. */
export function lastResponse(events: readonly ResponseStreamEvent[]): ResponseObject {
  const last = events.at(-1)!;
  if (!('response' in last)) throw new Error(`the stream ends with ${last.type}`);
  return last.response;
}

/** The texts of items put together from deltas alone, in the order of the output. */
export function textsOfDeltas(events: readonly ResponseStreamEvent[]): string[] {
  const texts: string[] = [];
  for (const event of events) {
    if (event.type === 'response.output_item.added') texts[event.output_index] = '';
    if ('delta' in event) texts[event.output_index] += event.delta;
  }
  return texts;
}

export function textOfItem(item: OutputItem): string {
  return item.type === 'function_call' ? item.arguments : item.content.map(({ text }) => text).join('');
}

/** Without what is drawn or told by a clock. */
export function withoutNames(response: ResponseObject) {
  const output = response.output.map((item) => ({
    ...item,
    id: '',
    ...('call_id' in item && { call_id: '' }),
  }));
  return { ...response, id: '', output };
}
