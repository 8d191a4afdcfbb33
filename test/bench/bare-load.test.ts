import { describe, expect, it } from 'vitest';
import { randomPrompt, streamBare } from '../../bench/bare-load.ts';
import { ServerError } from '../../src/base/errors.ts';
import type { EngineClient, GenerationInput, TokenEvent } from '../../src/engine/engine-client.ts';

const TOKEN = { tokenId: 7, logprobs: null };
const delta = (tokenCount: number): TokenEvent => ({
  kind: 'tokens-delta',
  tokens: Array.from({ length: tokenCount }, () => TOKEN),
  cachedTokenCount: 16,
  promptScores: null,
  predicted: { acceptedCount: 0, rejectedCount: 0 },
});
const FINISH: TokenEvent = { kind: 'finish', reason: 'length' };

function aClient(events: readonly TokenEvent[], overrides: Partial<EngineClient> = {}) {
  const seen = { inputs: [] as GenerationInput[], placesTaken: 0 };
  const client: Pick<EngineClient, 'admit' | 'generate'> = {
    admit: (count) => {
      seen.placesTaken += count;
      const leave = () => {
        seen.placesTaken -= count;
      };
      return { leave };
    },
    generate: (input, onReadable) => {
      seen.inputs.push(input);
      const waiting = [...events];
      queueMicrotask(onReadable);
      return { take: () => waiting.shift() ?? null, cancel: () => {}, finish: () => {} };
    },
    ...overrides,
  };
  return { client: client as EngineClient, seen };
}

describe('streamBare', () => {
  it('counts tokens, not events', async () => {
    const { client } = aClient([delta(1), delta(3), FINISH]);
    const outcome = await streamBare(client, Int32Array.of(1, 2, 3), 4);
    expect(outcome).toMatchObject({
      kind: 'stream-done',
      record: { promptTokenCount: 3, outputTokenCount: 4, cachedTokenCount: 16 },
    });
    expect(outcome.kind === 'stream-done' && outcome.record.gapsMs).toHaveLength(1);
  });

  it('asks for a fixed length that no stop token shortens', async () => {
    const { client, seen } = aClient([delta(4), FINISH]);
    await streamBare(client, Int32Array.of(1), 4);
    expect(seen.inputs[0]).toMatchObject({ newTokensMax: 4, stopTokenIds: [], sampling: { temperature: 0 } });
  });

  it('fails when fewer tokens come than were asked for', async () => {
    const { client } = aClient([delta(2), FINISH]);
    expect(await streamBare(client, Int32Array.of(1), 4)).toEqual({
      kind: 'stream-failed',
      reason: '2 of 4 tokens came',
    });
  });

  it('turns an error of the engine into a failure and gives its place back', async () => {
    const { client, seen } = aClient([], {
      generate: () => {
        throw new ServerError('engine_dead', 'The engine is gone.');
      },
    });
    expect(await streamBare(client, Int32Array.of(1), 4)).toMatchObject({ reason: 'The engine is gone.' });
    expect(seen.placesTaken).toBe(0);
  });

  it('turns a full queue into a failure', async () => {
    const admit = () => {
      throw new ServerError('queue_full', 'Full.');
    };
    const { client } = aClient([], { admit });
    expect(await streamBare(client, Int32Array.of(1), 4)).toMatchObject({
      kind: 'stream-failed',
      reason: 'Full.',
    });
  });
});

describe('randomPrompt', () => {
  it('draws ids of the vocabulary, by the seed alone', () => {
    const prompt = randomPrompt(3, 500, 40);
    expect(prompt).toEqual(randomPrompt(3, 500, 40));
    expect(prompt).not.toEqual(randomPrompt(4, 500, 40));
    expect(Math.min(...prompt)).toBe(0);
    expect(Math.max(...prompt)).toBe(39);
  });
});
