import { describe, expect, it } from 'vitest';
import { CANDIDATE_COUNT } from '../../src/base/limits.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { aRow, Dice } from './random-rows.ts';
import { answer, aSampler, choose, chooseOnce, logSumExp, type SamplerOptions } from './row-driver.ts';

const VOCABULARY = 300;

/** Descending by id, so that the candidates are tokens 0 to 63. */
function descendingRow(step: number, vocabularySize = VOCABULARY): Float32Array {
  return Float32Array.from({ length: vocabularySize }, (_, tokenId) => -step * tokenId);
}

function queryOf(
  sampling: SamplerOptions['sampling'],
  options: Partial<SamplerOptions> & { wholeRow?: boolean } = {},
): LogitsQuery {
  const query = new LogitsQuery();
  const sampler = aSampler({ sampling, vocabularySize: VOCABULARY, ...options });
  sampler.prepare(0, query, { wholeRow: options.wholeRow ?? false });
  return query;
}

describe('what a row is asked for', () => {
  it('is nothing for a greedy row', () => {
    const query = queryOf({});
    expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([0, 0, 0]);
  });

  it('is a normaliser at its temperature for a draw from the whole distribution', () => {
    const query = queryOf({ temperature: 0.5, topP: 0.9 });
    expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([1, 0, 0]);
    expect(query.normaliserInverseTemperature[0]).toBe(2);
  });

  it.each([{ topK: 10 }, { topK: CANDIDATE_COUNT }, { minP: 0.1 }])(
    'is no normaliser with %o',
    (sampling) => {
      expect(queryOf({ temperature: 1, ...sampling }).normaliserCount).toBe(0);
    },
  );

  it('is one normaliser for draw and log probabilities together at temperature 1', () => {
    expect(queryOf({ temperature: 1, logprobCount: 5 }).normaliserCount).toBe(1);
    expect(queryOf({ temperature: 0.5, logprobCount: 5 }).normaliserCount).toBe(2);
    expect(queryOf({ logprobCount: 5 }).normaliserCount).toBe(1);
  });

  it('is every edited logit when the normaliser must be corrected', () => {
    const options = { promptTokenIds: [1, 2, 3, 2], outputTokenIds: [9] };
    expect(queryOf({ temperature: 1, repetitionPenalty: 1.5 }, options).readCount).toBe(4);
  });

  it('is no logit for penalties that only lower when no normaliser is needed', () => {
    const options = { promptTokenIds: [1, 2, 3, 2], outputTokenIds: [9] };
    expect(queryOf({ repetitionPenalty: 1.5, presencePenalty: 1 }, options).readCount).toBe(0);
    expect(queryOf({ temperature: 1, topK: 20, repetitionPenalty: 1.5 }, options).readCount).toBe(0);
  });

  it('is the tokens that a bias may bring among the best, for a greedy row', () => {
    const logitBias = new Map([
      [7, 2],
      [8, -2],
    ]);
    const query = queryOf({ logitBias });
    expect(query.readCount).toBe(1);
    expect(Array.from(query.readRowAndToken.subarray(0, 2))).toEqual([0, 7]);
  });

  it('is the whole row, and nothing twice, when the engine says so', () => {
    const query = queryOf(
      { temperature: 1, logprobCount: 3, logitBias: new Map([[7, 2]]) },
      { wholeRow: true },
    );
    expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([1, 0, 1]);
    expect(query.normaliserInverseTemperature[0]).toBe(1);
  });

  it('is the whole row when too many logits would have to be read', () => {
    const vocabularySize = 10_000;
    const promptTokenIds = Array.from({ length: 5000 }, (_, tokenId) => tokenId);
    const query = queryOf({ temperature: 1, repetitionPenalty: 1.1 }, { vocabularySize, promptTokenIds });
    expect([query.normaliserCount, query.readCount, query.fullRowCount]).toEqual([0, 0, 1]);
  });

  it('becomes the whole row at once after draws whose mass lies outside of the candidates', () => {
    const row = new Float32Array(VOCABULARY);
    const sampler = aSampler({ sampling: { temperature: 1 }, vocabularySize: VOCABULARY });
    const asked = Array.from({ length: 20 }, () => {
      const query = new LogitsQuery();
      sampler.prepare(0, query, { wholeRow: false });
      sampler.accept(choose(sampler, row).tokenId);
      return query.fullRowCount;
    });
    expect(asked[0]).toBe(0);
    expect(asked.slice(5)).toEqual(new Array(15).fill(1));
  });

  it('stays candidates as long as those hold the mass', () => {
    const sampler = aSampler({ sampling: { temperature: 1 }, vocabularySize: VOCABULARY });
    for (let i = 0; i < 50; i++) sampler.accept(choose(sampler, descendingRow(0.5)).tokenId);
    const query = new LogitsQuery();
    sampler.prepare(0, query, { wholeRow: false });
    expect(query.fullRowCount).toBe(0);
  });
});

describe('a greedy choice', () => {
  it('is the first candidate, the lower id of equal ones', () => {
    const row = new Float32Array(VOCABULARY);
    row[40] = 2;
    row[30] = 2;
    expect(choose(aSampler({ sampling: {}, vocabularySize: VOCABULARY }), row)).toEqual({
      tokenId: 30,
      logprobs: null,
    });
  });

  it('is what a bias of 100 points at, from beyond the candidates, and not what one of -100 does', () => {
    const row = descendingRow(0.1);
    const to = (tokenId: number, bias: number): number => {
      const sampling = { logitBias: new Map([[tokenId, bias]]) };
      return chooseOnce(aSampler({ sampling, vocabularySize: VOCABULARY }), row, { wholeRow: false })!
        .tokenId;
    };
    expect(to(250, 100)).toBe(250);
    expect(to(0, -100)).toBe(1);
  });

  it('is left to the whole row when all candidates were lowered below the others', () => {
    const logitBias = new Map(Array.from({ length: CANDIDATE_COUNT }, (_, tokenId) => [tokenId, -100]));
    const sampler = aSampler({ sampling: { logitBias }, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, descendingRow(0.1), { wholeRow: false })).toBeNull();
    expect(chooseOnce(sampler, descendingRow(0.1), { wholeRow: true })!.tokenId).toBe(CANDIDATE_COUNT);
  });

  it('is left to the whole row when more edited tokens rank than are sorted', () => {
    const vocabularySize = 2000;
    const logitBias = new Map(Array.from({ length: 1000 }, (_, i) => [vocabularySize - 1 - i, 100]));
    const sampler = aSampler({ sampling: { logitBias }, vocabularySize });
    expect(chooseOnce(sampler, descendingRow(0.01, vocabularySize), { wholeRow: false })).toBeNull();
    expect(choose(sampler, descendingRow(0.01, vocabularySize)).tokenId).toBe(1000);
  });

  it('is made below a temperature of 1e-5', () => {
    expect(queryOf({ temperature: 9e-6 }).normaliserCount).toBe(0);
    expect(queryOf({ temperature: 1e-5 }).normaliserCount).toBe(1);
  });
});

describe('a minimum of new tokens', () => {
  it('keeps stop tokens from being chosen until it is reached', () => {
    const row = descendingRow(1);
    const sampler = aSampler({
      sampling: {},
      vocabularySize: VOCABULARY,
      stopTokenIds: [0],
      newTokensMin: 2,
    });
    const chosen = [0, 1, 2].map(() => {
      const { tokenId } = choose(sampler, row);
      sampler.accept(tokenId);
      return tokenId;
    });
    expect(chosen).toEqual([1, 1, 0]);
  });
});

describe('a draw', () => {
  it('depends on seed and position, and not on how often it was prepared', () => {
    const row = aRow(new Dice(5), VOCABULARY);
    const options = { sampling: { temperature: 2, seed: 77 }, vocabularySize: VOCABULARY };
    const sequence = (prepares: number): number[] => {
      const sampler = aSampler(options);
      return Array.from({ length: 30 }, () => {
        for (let i = 1; i < prepares; i++) sampler.prepare(3, new LogitsQuery(), { wholeRow: i % 2 === 0 });
        const { tokenId } = choose(sampler, row);
        sampler.accept(tokenId);
        return tokenId;
      });
    };
    expect(sequence(4)).toEqual(sequence(1));
    expect(new Set(sequence(1)).size).toBeGreaterThan(5);
  });

  it('is the same after a restart from prompt and output', () => {
    const row = aRow(new Dice(6), VOCABULARY);
    const sampling = { temperature: 1.5, seed: 5 };
    const first = aSampler({
      sampling,
      vocabularySize: VOCABULARY,
      promptTokenIds: [1, 2],
      outputTokenIds: [3],
    });
    const again = aSampler({ sampling, vocabularySize: VOCABULARY, promptTokenIds: [1, 2, 3] });
    expect(choose(again, row)).toEqual(choose(first, row));
  });

  it('is the same in any row of a step', () => {
    const rows = [1, 2, 3].map((seed) => aRow(new Dice(seed), VOCABULARY));
    const options = { vocabularySize: VOCABULARY, sampling: { temperature: 1, logprobCount: 2, seed: 9 } };
    const samplers = rows.map(() => aSampler({ ...options, outputTokenIds: [1] }));
    const query = new LogitsQuery();
    samplers.forEach((sampler, row) => {
      sampler.prepare(row, query, { wholeRow: row === 1 });
    });
    const logits = answer(rows, query);
    samplers.forEach((sampler, row) => {
      const alone = aSampler({ ...options, outputTokenIds: [1] });
      expect(sampler.choose(row, logits)).toEqual(chooseOnce(alone, rows[row]!, { wholeRow: row === 1 }));
    });
  });

  it('takes the best token alone with a tiny top_p', () => {
    for (const seed of [1, 2, 3]) {
      const sampler = aSampler({
        sampling: { temperature: 1, topP: 1e-9, seed },
        vocabularySize: VOCABULARY,
      });
      expect(chooseOnce(sampler, descendingRow(0.01), { wholeRow: false })!.tokenId).toBe(0);
    }
  });

  it('takes the best token alone with a tiny temperature', () => {
    const sampler = aSampler({ sampling: { temperature: 1e-5 }, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, descendingRow(0.01), { wholeRow: false })!.tokenId).toBe(0);
  });

  it('is decided without a whole row when the vocabulary is no larger than the candidates', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const sampler = aSampler({
        sampling: { temperature: 1.5, presencePenalty: 1, seed },
        vocabularySize: 64,
      });
      expect(
        chooseOnce(sampler, aRow(new Dice(seed), 64), { wholeRow: false }),
        `seed ${seed}`,
      ).not.toBeNull();
    }
  });

  it('is decided without a whole row when the bounds of the tail do not matter', () => {
    // top_k 100 and top_p 0.999 both reach beyond the candidates, into a tail of mass 1e-7.
    for (let seed = 1; seed <= 200; seed++) {
      const sampling = { temperature: 1, topK: 100, topP: 0.999, repetitionPenalty: 1.1, seed };
      const sampler = aSampler({ sampling, vocabularySize: VOCABULARY });
      expect(chooseOnce(sampler, descendingRow(0.25), { wholeRow: false }), `seed ${seed}`).not.toBeNull();
    }
  });

  it('is left to the whole row when an edit has taken nearly all mass that the normaliser counts', () => {
    const row = new Float32Array(VOCABULARY);
    row[0] = 60;
    const sampling = { temperature: 1, logitBias: new Map([[0, -100]]), seed: 1 };
    const sampler = aSampler({ sampling, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, row, { wholeRow: false })).toBeNull();
    expect(chooseOnce(sampler, row, { wholeRow: true })!.tokenId).toBeGreaterThan(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('fails on a row with %d', (logit) => {
    const row = descendingRow(1);
    row[0] = logit;
    const sampler = aSampler({ sampling: { temperature: 1 }, vocabularySize: VOCABULARY });
    expect(() => chooseOnce(sampler, row, { wholeRow: true })).toThrow(/no token can be chosen/);
  });

  it.each([
    ['min_tokens', { stopTokenIds: [0, 1], newTokensMin: 1 }],
    ['bad_words', { sampling: { bannedSequences: [Int32Array.of(0), Int32Array.of(1)] } }],
    [
      'allowed_token_ids and bad_words',
      { sampling: { allowedTokenIds: Int32Array.of(1), bannedSequences: [Int32Array.of(1)] } },
    ],
  ])('fails as the request asks for it when %s leaves no token', (_, options) => {
    const sampler = aSampler({ sampling: {}, vocabularySize: 2, ...options });
    expect(() => choose(sampler, new Float32Array(2))).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('fails as a step does where the model itself has no token', () => {
    const sampler = aSampler({ sampling: { allowedTokenIds: Int32Array.of(1) }, vocabularySize: 2 });
    expect(() => choose(sampler, new Float32Array(2).fill(-Infinity))).toThrow(
      expect.objectContaining({ code: 'step_failed' }),
    );
  });
});

describe('log probabilities', () => {
  it("are of the model's distribution at temperature 1, whatever is drawn from", () => {
    const row = aRow(new Dice(1), VOCABULARY);
    const bias = row.indexOf(row.reduce((a, b) => Math.min(a, b)));
    const sampling = { temperature: 0.3, topK: 5, logitBias: new Map([[bias, 100]]), logprobCount: 20 };
    const normaliser = logSumExp(row, 1);
    for (const wholeRow of [false, true]) {
      const sampler = aSampler({ sampling, vocabularySize: VOCABULARY });
      const { tokenId, logprobs } = chooseOnce(sampler, row, { wholeRow })!;
      expect(tokenId).toBe(bias);
      expect(logprobs!.logprob).toBeCloseTo(row[bias]! - normaliser, 5);
      expect(logprobs!.top).toHaveLength(20);
      logprobs!.top.forEach((entry) => {
        expect(entry.logprob).toBeCloseTo(row[entry.tokenId]! - normaliser, 5);
      });
      expect(logprobs!.top.map(({ logprob }) => logprob)).toEqual(
        logprobs!.top.map(({ logprob }) => logprob).toSorted((a, b) => b - a),
      );
    }
  });

  it("are the chosen token's alone with a count of 0, and never above 0", () => {
    const row = new Float32Array(VOCABULARY).fill(-200);
    row[5] = 50.123;
    const sampler = aSampler({ sampling: { logprobCount: 0 }, vocabularySize: VOCABULARY });
    expect(chooseOnce(sampler, row, { wholeRow: false, normaliserError: -1 })).toEqual({
      tokenId: 5,
      logprobs: { logprob: 0, top: [] },
    });
  });

  it('tell no more tokens than there are', () => {
    const sampler = aSampler({ sampling: { logprobCount: 20 }, vocabularySize: 3 });
    expect(choose(sampler, Float32Array.of(1, 3, 2)).logprobs!.top.map(({ tokenId }) => tokenId)).toEqual([
      1, 2, 0,
    ]);
  });
});
