import { afterEach, describe, expect, it, vi } from 'vitest';
import { type GenerationRequest, PLAIN_GENERATION } from '../../src/batching/generation-request.ts';
import { GrammarAutomata } from '../../src/engine/grammar-automata.ts';
import { SequenceSamplers } from '../../src/engine/sequence-samplers.ts';
import { emptyDraft } from '../../src/sampling/draft-lookup.ts';
import { GREEDY, type SampledToken, type SamplingParams } from '../../src/sampling/sampling-params.ts';
import { LogitsQuery } from '../../src/sampling/step-logits.ts';
import { trieOf } from '../sampling/grammar/grammar-driver.ts';
import { answer } from '../sampling/row-driver.ts';
import { compiledHere } from '../support/grammars.ts';

const ROWS = [Float32Array.of(3, 1, 2, 0), Float32Array.of(0, 1, 2, 3)];

function aRequest(sequenceId: number, sampling: Partial<SamplingParams> = {}): GenerationRequest {
  return {
    sequenceId,
    promptTokenIds: Int32Array.of(1),
    ...PLAIN_GENERATION,
    sampling: { ...GREEDY, ...sampling },
    newTokensMax: 10,
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
  afterEach(() => {
    vi.restoreAllMocks();
  });

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

  it('tells a sequence what came of its draft: behind one that was wrong, the next is shorter', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4, speculation: 'ngram' });
    const promptTokenIds = Int32Array.of(1, 2, 3, 0, 1, 2, 3);
    samplers.open({ ...aRequest(7), promptTokenIds });
    const draft = emptyDraft(5);
    samplers.guess(7, promptTokenIds, 5, draft);
    expect([...draft.tokenIds]).toEqual([0, 1, 2, 3, 0]);
    samplers.settleDraft(7, 5, 1);
    samplers.guess(7, promptTokenIds, 5, draft);
    expect(draft.count).toBe(2);
  });

  it('goes on behind the first token of a draft', () => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    samplers.open(aRequest(7));
    const draft = { ...emptyDraft(1), count: 1 };
    const query = new LogitsQuery();
    samplers.prepare(7, 0, query, { wholeRow: false }, draft);
    const logits = answer(ROWS, query);
    expect(samplers.choose(7, 0, logits)?.tokenId).toBe(0);
    const tokens: SampledToken[] = [];
    samplers.chooseBehind(7, 0, logits, tokens);
    expect(tokens.map(({ tokenId }) => tokenId)).toEqual([3]);
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

  it('gives the automaton of a grammar back with each sequence that is closed or cannot be opened', () => {
    const uses = vi.spyOn(GrammarAutomata.prototype, 'use');
    const releases = vi.spyOn(GrammarAutomata.prototype, 'release');
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    const trie = trieOf(['a', 'b', 'c', { special: 'end' }]);
    const compiled = compiledHere(trie, { addedTokenId: () => null }).compile({
      kind: 'regex',
      pattern: 'b+',
    });
    const grammar = { compiled, trigger: null, begun: '' };
    for (const sequenceId of [7, 8]) samplers.open({ ...aRequest(sequenceId), grammar });
    const unfit = { ...grammar, begun: 'ba' };
    expect(() => samplers.open({ ...aRequest(9), grammar: unfit })).toThrow('does not fit behind 1 bytes');
    samplers.close(7);
    expect([uses.mock.calls.length, releases.mock.calls.length]).toEqual([3, 2]);
    samplers.close(8);
    expect(releases.mock.calls).toEqual([[compiled.id], [compiled.id], [compiled.id]]);
  });

  it.each([4, -1, 1.5, 1e9])('refuses a bias for token %d, which the model has not', (tokenId) => {
    const samplers = new SequenceSamplers({ vocabularySize: 4 });
    const request = aRequest(7, { logitBias: new Map([[tokenId, 1]]) });
    expect(() => samplers.open(request)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'logit_bias' }),
    );
    const biases = new Map([0, 3].map((own) => [own, 1]));
    samplers.open(aRequest(7, { logitBias: biases }));
    expect(step(samplers, [7])).toEqual([0]);
  });
});
