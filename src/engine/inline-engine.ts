/** The same client over an engine in this thread: for tests, and for measuring the engine without HTTP. */

import type { Clock } from '../base/clock.ts';
import { ChannelEngineClient } from './channel-engine-client.ts';
import type { Engine } from './engine.ts';
import { EngineInbox, runEngineLoop } from './engine-loop.ts';
import type { EngineLimits } from './protocol.ts';

export type InlineEngineOptions = {
  readonly engine: Engine;
  readonly limits: EngineLimits;
  readonly inFlightMax: number;
  readonly clock: Clock;
};

export function startInlineEngine({
  engine,
  limits,
  inFlightMax,
  clock,
}: InlineEngineOptions): ChannelEngineClient {
  const inbox = new EngineInbox();
  const client = new ChannelEngineClient({
    send: (command) => inbox.push(command),
    close: async () => {
      inbox.push({ kind: 'engine-close' });
      await loop;
      return true;
    },
    inFlightMax,
    clock,
  });
  const loop = runEngineLoop({ engine, inbox, send: (event) => client.receive(event) }).catch(
    (error: Error) => client.fail(error),
  );
  client.receive({ kind: 'engine-ready', limits });
  return client;
}
