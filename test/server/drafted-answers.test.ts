/** Drafts make answers come sooner and change nothing of them: two real servers, one without, asked the same. */

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences } from '../support/answer-laws.ts';
import type { Answer, Endpoint, Json } from '../support/joined-answer.ts';
import { chatBody, completionBody } from '../support/random-request.ts';
import { askWhole } from '../support/sent-request.ts';
import { type ServerProcess, startServer } from '../support/server-process.ts';

const SEED = 16;
const BODIES = 40;
const LIMIT_MS = 240_000;

let plain: ServerProcess;
let drafting: ServerProcess;
beforeAll(async () => {
  [plain, drafting] = (await Promise.all(
    ['off', 'ngram'].map((source) => startServer({ flags: ['--speculation', source] })),
  )) as [ServerProcess, ServerProcess];
});
afterAll(() => Promise.all([plain.stop(), drafting.stop()]));

async function acceptedCount({ baseUrl }: ServerProcess): Promise<number> {
  const text = await (await fetch(`${baseUrl}/metrics`)).text();
  return Number(/^vllm:spec_decode_num_accepted_tokens_total\{.*\} (.*)$/m.exec(text)![1]);
}

/** Near ties of draws may fall otherwise over other sums, see `random-requests.test.ts`; at temperature 0 none did. */
async function expectSame(plainAnswer: Answer, endpoint: Endpoint, body: Json): Promise<void> {
  const ask = async () => differences(plainAnswer, await askWhole(drafting.baseUrl, endpoint, body));
  const found = await ask();
  const counts = found.length > 0 && body['temperature'] !== 0 ? await ask() : found;
  expect(counts, JSON.stringify(body)).toEqual([]);
}

function bodiesOf(body: fc.Arbitrary<Json>): readonly Json[] {
  return fc.sample(body, { seed: SEED, numRuns: BODIES });
}

describe('an answer with drafts', () => {
  it(
    'to a chat is the one without, predicted or not',
    async () => {
      for (const body of bodiesOf(chatBody)) {
        const answer = await askWhole(plain.baseUrl, 'chat', body);
        await expectSame(answer, 'chat', body);
        // A prediction that cannot be of use is named as ignored.
        if (body['bad_words'] !== undefined) continue;
        const content = answer.choices[0]?.text ?? '';
        const prediction = { type: 'content', content: `${content.slice(0, 20)}${content.slice(24)}` };
        await expectSame(answer, 'chat', { ...body, prediction });
      }
    },
    LIMIT_MS,
  );

  it(
    'that completes a prompt is the one without',
    async () => {
      for (const body of bodiesOf(completionBody)) {
        await expectSame(await askWhole(plain.baseUrl, 'completions', body), 'completions', body);
      }
    },
    LIMIT_MS,
  );

  it('took steps for several tokens at a time', async () => {
    expect(await acceptedCount(drafting)).toBeGreaterThan(0);
    expect(await acceptedCount(plain)).toBe(0);
  });

  it('takes fewer steps than it has tokens where it was predicted, on a server as it starts', async () => {
    const server = await startServer();
    try {
      const body = {
        model: 'octavo-mini',
        messages: [{ role: 'user', content: 'Who are you?' }],
        temperature: 0,
      };
      const { choices } = await askWhole(server.baseUrl, 'chat', body);
      expect(await acceptedCount(server)).toBe(0);
      const { usage } = await askWhole(server.baseUrl, 'chat', {
        ...body,
        prediction: { type: 'content', content: choices[0]!.text },
      });
      expect(await acceptedCount(server)).toBeGreaterThan(0);
      const details = usage!.completion_tokens_details!;
      expect(details.accepted_prediction_tokens).toBe(await acceptedCount(server));
      expect(details.rejected_prediction_tokens).toBe(0);
    } finally {
      await server.stop();
    }
  });
});
