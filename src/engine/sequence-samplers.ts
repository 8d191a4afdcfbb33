/**
 * The samplers of the open sequences, one each, kept from `open` to `close`. Knows which row belongs to whom; how a
 * token is chosen is the business of `sampling`.
 */

import { assert } from '../base/assert.ts';
import { ServerError } from '../base/errors.ts';
import type { GenerationRequest } from '../batching/generation-request.ts';
import type { SampledToken } from '../sampling/sampling-params.ts';
import { SamplingWorkspace, SequenceSampler } from '../sampling/sequence-sampler.ts';
import type { LogitsQuery, StepLogits } from '../sampling/step-logits.ts';
import type { RowOptions, RowSampler } from './row-sampler.ts';

export class SequenceSamplers implements RowSampler {
  readonly #workspace: SamplingWorkspace;
  readonly #samplers = new Map<number, SequenceSampler>();

  constructor({ vocabularySize }: { readonly vocabularySize: number }) {
    this.#workspace = new SamplingWorkspace(vocabularySize);
  }

  open(request: GenerationRequest): void {
    assert(!this.#samplers.has(request.sequenceId), `sequence ${request.sequenceId} is open already`);
    if (request.grammar !== null) {
      throw new ServerError(
        'unsupported_parameter',
        'This engine does not constrain its output to a grammar.',
      );
    }
    for (const tokenId of request.sampling.logitBias.keys()) this.#checkBiased(tokenId);
    this.#samplers.set(request.sequenceId, new SequenceSampler(request, this.#workspace));
  }

  close(sequenceId: number): void {
    assert(this.#samplers.delete(sequenceId), `sequence ${sequenceId} is not open`);
  }

  prepare(sequenceId: number, row: number, query: LogitsQuery, options: RowOptions): void {
    this.#sampler(sequenceId).prepare(row, query, options);
  }

  choose(sequenceId: number, row: number, logits: StepLogits): SampledToken | null {
    return this.#sampler(sequenceId).choose(row, logits);
  }

  accept(sequenceId: number, tokenId: number): void {
    this.#sampler(sequenceId).accept(tokenId);
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
