/**
 * What a decoder-only transformer is, as far as the graph builder needs to know: sizes and switches, read from
 * `config.json` by the family descriptions in `architectures/`. Sizes are counts of elements.
 */

import type { WeightPacking } from './weight-packing.ts';

export type RopeScaling =
  | { readonly kind: 'default' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositionsMax: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalPositionsMax: number;
      /** Multiplies cosines and sines. */
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Rounds the corrected range of dimensions to whole ones. */
      readonly truncate: boolean;
    };

export type DecoderShape = {
  readonly architecture: string;
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layerCount: number;
  /** Query heads; a multiple of `kvHeadCount`. */
  readonly headCount: number;
  readonly kvHeadCount: number;
  /** Elements of one head; even, since rotary embedding turns pairs. */
  readonly headSize: number;
  readonly feedForwardSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling;
  /** Positions that the model was made for. */
  readonly positionsMax: number;
  /** One entry a layer: how many latest positions it attends to, itself included; `null` for all. */
  readonly slidingWindows: readonly (number | null)[];
  /** The output projection is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  readonly queryKeyValueBias: boolean;
  readonly attentionOutputBias: boolean;
  readonly feedForwardBias: boolean;
  /** RMS norm over each head of Q and K before rotation. */
  readonly queryKeyNorm: boolean;
  /** How the checkpoint packs the matrices between embedding and output projection; `null`: it does not. */
  readonly weightPacking: WeightPacking | null;
};

/** By layer: the sliding window, where any of the positions is ever outside of it. */
export function windowsInUse(
  { slidingWindows }: Pick<DecoderShape, 'slidingWindows'>,
  positionCount: number,
): readonly (number | null)[] {
  return slidingWindows.map((window) => (window !== null && window < positionCount ? window : null));
}

/** Elements that a token has of queries, of keys and of values. */
export function headWidths({
  headCount,
  kvHeadCount,
  headSize,
}: Pick<DecoderShape, 'headCount' | 'kvHeadCount' | 'headSize'>): readonly [number, number, number] {
  return [headCount * headSize, kvHeadCount * headSize, kvHeadCount * headSize];
}
