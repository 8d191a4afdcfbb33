/** Where tensors lie in a file that is written for them: one after the other. Pure. */

export type WeightTensor = {
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
};

/** A tensor that starts on a page is mapped without its neighbours. */
const PAGE_BYTES = 4096;

export class FileLayout {
  readonly tensors = new Map<string, WeightTensor>();
  readonly #file: string;
  readonly #alignmentBytes: number;
  #end = 0;

  /**
   * @param file name that the tensors are given
   * @param alignmentBytes each tensor starts at a multiple of it; a page by default
   */
  constructor(file: string, alignmentBytes = PAGE_BYTES) {
    this.#file = file;
    this.#alignmentBytes = alignmentBytes;
  }

  /** Of the whole file, once everything is placed. */
  get byteLength(): number {
    return this.#end;
  }

  place(name: string, shape: readonly number[], elementBytes: number): void {
    const offset = Math.ceil(this.#end / this.#alignmentBytes) * this.#alignmentBytes;
    const byteLength = shape.reduce((product, size) => product * size, elementBytes);
    this.tensors.set(name, { shape, file: this.#file, offset, byteLength });
    this.#end = offset + byteLength;
  }
}
