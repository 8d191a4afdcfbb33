import { beforeAll, describe, expect, it } from 'vitest';
import {
  ChannelEngineClient,
  type ChannelEngineClientOptions,
} from '../../src/engine/channel-engine-client.ts';
import type { Admission } from '../../src/engine/engine-client.ts';
import type { EngineEvent } from '../../src/engine/protocol.ts';
import { type ClientTotals, NO_CLIENT_TOTALS } from './client-reader.ts';
import { simulateClients } from './client-simulator.ts';
import { SeedFailure } from './seeds.ts';

/** More by `npm run simulate -- --clients --seeds 10000`. */
const SEED_COUNT = 500;

class KeepsDepartureToItself extends ChannelEngineClient {
  constructor(options: ChannelEngineClientOptions) {
    const { send } = options;
    super({ ...options, send: (command) => command.kind !== 'request-abort' && send(command) });
  }
}

class LeavesAsOftenAsTold extends ChannelEngineClient {
  override admit(count: number): Admission {
    const places = Array.from({ length: count }, () => super.admit(1));
    return {
      leave: () => {
        places.pop()?.leave();
      },
    };
  }
}

class TellsScoresBehindTokens extends ChannelEngineClient {
  override receive(event: EngineEvent): void {
    if (event.kind !== 'step-result') {
      super.receive(event);
      return;
    }
    super.receive({ ...event, promptScores: [] });
    super.receive({ ...event, tokens: [], predictions: [], failures: [] });
  }
}

describe('readers of an engine in another thread', () => {
  let totals: ClientTotals;
  beforeAll(async () => {
    totals = await simulateClients(0, SEED_COUNT);
  });

  it('get what their choices answer alone, and leave nothing behind', () => {
    expect(totals.finishedCount).toBeGreaterThan(3 * SEED_COUNT);
  });

  it.each(Object.keys(NO_CLIENT_TOTALS) as (keyof ClientTotals)[])(
    'meet what there is to meet: %s',
    (name) => {
      expect(totals[name]).toBeGreaterThan(0);
    },
  );

  it.each([
    ['the engine is not told of a reader that has left', KeepsDepartureToItself],
    ['a place is given back in parts', LeavesAsOftenAsTold],
    ['scores come behind the tokens of their step', TellsScoresBehindTokens],
  ])('show it when %s', async (_bug, client) => {
    const failure = await simulateClients(0, SEED_COUNT, client).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(SeedFailure);
    expect((failure as Error).message).toMatch(
      /^seed \d+: .*\nreplay: npm run simulate -- --clients --seeds 1 --from \d+$/,
    );
  });
});
