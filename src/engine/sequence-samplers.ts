/**
 * The samplers of the open sequences, one each, kept from `open` to `close`. Knows which row belongs to whom; how a
 * token is chosen is the business of `sampling`.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import type { GenerationRequest } from '../batching/generation-request.ts';
import type { Draft, Speculation } from '../sampling/draft-lookup.ts';
import { GrammarCursor } from '../sampling/grammar/grammar-cursor.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import { SamplingWorkspace } from '../sampling/sampling-workspace.ts';
import { SequenceSampler, type SequenceSamplerOptions } from '../sampling/sequence-sampler.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import { GrammarAutomata } from './grammar-automata.ts';
import type { RowOptions, RowSampler } from './row-sampler.ts';

export type SequenceSamplersOptions = {
  readonly vocabularySize: number;
  /** Where draft tokens come from; nowhere by default. */
  readonly speculation?: Speculation;
};

type OpenSequence = {
  readonly sampler: SequenceSampler;
  /** The grammar whose automaton it uses. */
  readonly grammarId: number | null;
};

export class SequenceSamplers implements RowSampler {
  readonly #workspace: SamplingWorkspace;
  readonly #sequences = new Map<number, OpenSequence>();
  readonly #automata: GrammarAutomata;
  readonly #speculation: Speculation;

  constructor({ vocabularySize, speculation = 'off' }: SequenceSamplersOptions) {
    this.#speculation = speculation;
    this.#workspace = new SamplingWorkspace(vocabularySize);
    this.#automata = new GrammarAutomata({ vocabularySize });
  }

  open(request: GenerationRequest): void {
    const { sequenceId, grammar } = request;
    assert(!this.#sequences.has(sequenceId), `sequence ${sequenceId} is open already`);
    for (const tokenId of request.sampling.logitBias.keys()) this.#checkBiased(tokenId);
    const options = { ...this.#withCursor(request), speculation: this.#speculation };
    const sampler = new SequenceSampler(options, this.#workspace);
    this.#sequences.set(sequenceId, { sampler, grammarId: grammar?.compiled.id ?? null });
  }

  close(sequenceId: number): void {
    const sequence = this.#sequences.get(sequenceId);
    assert(sequence !== undefined, `sequence ${sequenceId} is not open`);
    this.#sequences.delete(sequenceId);
    if (sequence.grammarId !== null) this.#automata.release(sequence.grammarId);
  }

  guess(sequenceId: number, tokenIds: Int32Array, countMax: number, draft: Draft): void {
    this.#sampler(sequenceId).guess(tokenIds, countMax, draft);
  }

  prepare(sequenceId: number, row: number, query: LogitsQuery, options: RowOptions, draft?: Draft): void {
    this.#sampler(sequenceId).prepare(row, query, options, draft);
  }

  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    return this.#sampler(sequenceId).choose(row, logits);
  }

  chooseBehind(sequenceId: number, row: number, logits: StepLogits, tokens: SampledToken[]): void {
    this.#sampler(sequenceId).chooseBehind(row, logits, tokens);
  }

  accept(sequenceId: number, tokenId: number): void {
    this.#sampler(sequenceId).accept(tokenId);
  }

  settleDraft(sequenceId: number, count: number, rightCount: number): void {
    this.#sampler(sequenceId).settleDraft(count, rightCount);
  }

  /** The automaton is held until `close`. */
  #withCursor(request: GenerationRequest): SequenceSamplerOptions {
    const { grammar, stopTokenIds } = request;
    if (grammar === null) return { ...request, grammar: null };
    const { compiled } = grammar;
    const automaton = this.#automata.use(compiled);
    try {
      return { ...request, grammar: new GrammarCursor(automaton, stopTokenIds, grammar) };
    } catch (error) {
      this.#automata.release(compiled.id);
      throw error;
    }
  }

  #sampler(sequenceId: number): SequenceSampler {
    const sequence = this.#sequences.get(sequenceId);
    assert(sequence !== undefined, `sequence ${sequenceId} is not open`);
    return sequence.sampler;
  }

  /** A bias for a token that does not exist is a mistake that would otherwise go unnoticed. */
  #checkBiased(tokenId: number): void {
    const { vocabularySize } = this.#workspace;
    if (Number.isInteger(tokenId) && tokenId >= 0 && tokenId < vocabularySize) return;
    const message = `logit_bias names token ${tokenId}; this model has the tokens 0 to ${vocabularySize - 1}`;
    throw new ServerError('invalid_request', message, { param: 'logit_bias' });
  }
}
