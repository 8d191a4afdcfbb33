import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ServerError } from '../../src/base/errors.ts';
import { PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import { ChoiceFanOut } from '../../src/engine/choice-fan-out.ts';
import type { GenerationInput } from '../../src/engine/engine-client.ts';
import { FakeEngineClient, finish, tokens } from '../support/fake-engine-client.ts';

const INPUT: GenerationInput = {
  promptTokenIds: Int32Array.of(1),
  ...PLAIN_GENERATION,
  newTokensMax: 4,
};

describe('ChoiceFanOut', () => {
  it('gives an event of each sequence in turn', async () => {
    const client = new FakeEngineClient([tokens([5]), tokens([6]), finish('length')]);
    const options = { client, choiceCount: 1, inputOf: () => INPUT, onReadable: () => {} };
    const fanOut = new ChoiceFanOut({ ...options, promptCount: 3 });
    await nextTurn();
    const order: number[] = [];
    for (let next = fanOut.take(); next !== null; next = fanOut.take()) order.push(next.sequenceIndex);
    expect(order).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
    expect(fanOut.openCount).toBe(0);
  });

  it('leaves no sequence running when a later one cannot be started', () => {
    const client = new FakeEngineClient([tokens([5]), finish('length')]);
    const { generate } = client;
    client.generate = (input, onReadable) => {
      if (client.sequences.length === 2) throw new ServerError('engine_dead', 'The engine has stopped.');
      return generate.call(client, input, onReadable);
    };
    const options = { client, choiceCount: 1, inputOf: () => INPUT, onReadable: () => {} };
    expect(() => new ChoiceFanOut({ ...options, promptCount: 3 })).toThrow('The engine has stopped.');
    expect(client.sequences.map(({ cancelled }) => cancelled)).toEqual([true, true]);
  });
});
