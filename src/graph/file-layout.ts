/** Where tensors lie in a file of prepared weights: one after the other, each on a page of its own. Pure. */

import type { WeightTensor } from './weight-cache.ts';

/** Each tensor starts on a page, so that it is mapped without its neighbours. */
const PAGE_BYTES = 4096;

export class FileLayout {
  readonly tensors = new Map<string, WeightTensor>();
  readonly #file: string;
  #end = 0;

  /** @param file name that the tensors are given */
  constructor(file: string) {
    this.#file = file;
  }

  /** Of the whole file, once everything is placed. */
  get byteLength(): number {
    return this.#end;
  }

  place(name: string, shape: readonly number[], elementBytes: number): void {
    const offset = Math.ceil(this.#end / PAGE_BYTES) * PAGE_BYTES;
    const byteLength = shape.reduce((product, size) => product * size, elementBytes);
    this.tensors.set(name, { shape, file: this.#file, offset, byteLength });
    this.#end = offset + byteLength;
  }
}
