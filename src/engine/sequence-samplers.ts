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

export class SequenceSamplers implements RowSampler {
  readonly #workspace: SamplingWorkspace;
  readonly #samplers = new Map<number, SequenceSampler>();
  readonly #automata: GrammarAutomata;
  /** Sequence -> the grammar whose automaton it uses. */
  readonly #grammarIds = new Map<number, number>();

  readonly #speculation: Speculation;

  constructor({ vocabularySize, speculation = 'off' }: SequenceSamplersOptions) {
    this.#speculation = speculation;
    this.#workspace = new SamplingWorkspace(vocabularySize);
    this.#automata = new GrammarAutomata({ vocabularySize });
  }

  open(request: GenerationRequest): void {
    assert(!this.#samplers.has(request.sequenceId), `sequence ${request.sequenceId} is open already`);
    for (const tokenId of request.sampling.logitBias.keys()) this.#checkBiased(tokenId);
    const options = { ...this.#withCursor(request), speculation: this.#speculation };
    this.#samplers.set(request.sequenceId, new SequenceSampler(options, this.#workspace));
  }

  close(sequenceId: number): void {
    assert(this.#samplers.delete(sequenceId), `sequence ${sequenceId} is not open`);
    const grammarId = this.#grammarIds.get(sequenceId);
    if (grammarId === undefined) return;
    this.#grammarIds.delete(sequenceId);
    this.#automata.release(grammarId);
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
    const { sequenceId, grammar, stopTokenIds } = request;
    if (grammar === null) return { ...request, grammar: null };
    const { compiled } = grammar;
    const automaton = this.#automata.use(compiled);
    try {
      const cursor = new GrammarCursor(automaton, stopTokenIds, grammar);
      this.#grammarIds.set(sequenceId, compiled.id);
      return { ...request, grammar: cursor };
    } catch (error) {
      this.#automata.release(compiled.id);
      throw error;
    }
  }

  #sampler(sequenceId: number): SequenceSampler {
    const sampler = this.#samplers.get(sequenceId);
    assert(sampler !== undefined, `sequence ${sequenceId} is not open`);
    return sampler;
  }

  /** A bias for a token that does not exist is a mistake that would otherwise go unnoticed. */
  #checkBiased(tokenId: number): void {
    const { vocabularySize } = this.#workspace;
    if (Number.isInteger(tokenId) && tokenId >= 0 && tokenId < vocabularySize) return;
    const message = `logit_bias names token ${tokenId}; this model has the tokens 0 to ${vocabularySize - 1}`;
    throw new ServerError('invalid_request', message, { param: 'logit_bias' });
  }
}
