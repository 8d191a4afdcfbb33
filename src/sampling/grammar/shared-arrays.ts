/** Typed arrays in memory that another thread can be given without a copy. */

type Type<T> = { new (buffer: SharedArrayBuffer): T; readonly BYTES_PER_ELEMENT: number };

export function sharedArray<T extends Int32Array | Uint8Array | Uint16Array>(
  type: Type<T>,
  length: number,
): T {
  return new type(new SharedArrayBuffer(length * type.BYTES_PER_ELEMENT));
}
