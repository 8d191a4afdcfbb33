import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../src/batching/generation-request.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { GREEDY, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { trieOf } from '../sampling/grammar/grammar-driver.ts';
import { answer } from '../sampling/row-driver.ts';
import { compiledHere } from '../support/grammars.ts';

const ROWS = [Float32Array.of(3, 1, 2, 0), Float32Array.of(0, 1, 2, 3)];

function aRequest(sequenceId: number, sampling: Partial<SamplingParams> = {}): GenerationRequest {
  return {
    sequenceId,
    promptTokenIds: Int32Array.of(1),
    sampling: { ...GREEDY, ...sampling },
    newTokensMax: 10,
    newTokensMin: 0,
    stopTokenIds: [],
    grammar: null,
    predictedTokenIds: null,
    cacheSalt: '',
    priority: 0,
  };
}

/** One step of sequence i in row i. @returns the chosen tokens. */
function step(samplers: SequenceSamplers, sequenceIds: readonly number[]): (number | undefined)[] {
  const query = new LogitsQuery();
  sequenceIds.forEach((sequenceId, row) => {
    samplers.prepare(sequenceId, row, query, { wholeRow: false });
  });
  const logits = answer(ROWS, query);
  return sequenceIds.map((sequenceId, row) => samplers.choose(sequenceId, row, logits)?.tokenId);
}

describe('SequenceSamplers', () => {
  it('keeps the histories of sequences apart', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    samplers.open(aRequest(7, { presencePenalty: 2 }));
    samplers.open(aRequest(8, { presencePenalty: 2 }));
    expect(step(samplers, [7, 8])).toEqual([0, 3]);
    samplers.accept(7, 0);
    expect(step(samplers, [7, 8])).toEqual([2, 3]);
  });

  it('changes no history by choosing', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    samplers.open(aRequest(7, { frequencyPenalty: 2 }));
    expect([1, 2, 3].flatMap(() => step(samplers, [7]))).toEqual([0, 0, 0]);
  });

  it('forgets a closed sequence', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    samplers.open(aRequest(7));
    samplers.close(7);
    expect(() => step(samplers, [7])).toThrow('sequence 7 is not open');
    expect(() => samplers.close(7)).toThrow('sequence 7 is not open');
    samplers.open(aRequest(7));
    expect(() => samplers.open(aRequest(7))).toThrow('open already');
  });

  it('holds sequences to their grammars, each at its own place', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    const trie = trieOf(['a', 'b', 'c', { special: 'end' }]);
    const source = { kind: 'regex', pattern: 'b[ac]{2}' } as const;
    const compiled = compiledHere(trie, { addedTokenId: () => null }).compile(source);
    const grammar = { compiled, trigger: null, begun: '' };
    for (const sequenceId of [7, 8]) samplers.open({ ...aRequest(sequenceId), grammar, stopTokenIds: [3] });
    expect(step(samplers, [7, 8])).toEqual([1, 1]);
    samplers.accept(7, 1);
    expect(step(samplers, [7, 8])).toEqual([0, 1]);
    samplers.close(7);
    expect(step(samplers, [8])).toEqual([1]);
    samplers.close(8);
    samplers.open({ ...aRequest(9), grammar });
    expect(step(samplers, [9])).toEqual([1]);
  });

  it.each([4, -1, 1.5, 1e9])('refuses a bias for token %d, which the model has not', (tokenId) => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    const request = aRequest(7, { logitBias: new Map([[tokenId, 1]]) });
    expect(() => samplers.open(request)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'logit_bias' }),
    );
    samplers.open(aRequest(7));
  });
});
