/**
 * How much structure JSON text holds, told from its bytes without parsing it: parsing is what has to be kept from
 * too much of it. Text that is not JSON gives some number; the parser refuses it afterwards. One pass, no memory.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The quote that ends the string which begins at `start`: the first without an odd number of backslashes before it. */
function stringEnd(json: Uint8Array, start: number): number {
  for (let end = json.indexOf(QUOTE, start + 1); end !== -1; end = json.indexOf(QUOTE, end + 1)) {
    let first = end;
    while (json[first - 1] === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
  }
  return json.length;
}

/** How many values JSON text holds, as far as commas and brackets tell; of more than `countMax` only that. */
export function valueCount(json: Uint8Array, countMax: number): number {
  let count = 1;
  for (let position = 0; position < json.length && count <= countMax; position++) {
    const byte = json[position]!;
    if (byte === QUOTE) position = stringEnd(json, position);
    else if (byte === COMMA || byte === OPEN_LIST || byte === OPEN_OBJECT) count++;
  }
  return count;
}

/** Whether JSON text holds more than `valuesMax` values. */
export function hasMoreValues(json: Uint8Array, valuesMax: number): boolean {
  return json.length > valuesMax && valueCount(json, valuesMax) > valuesMax;
}

/** Whether lists and objects lie inside each other more than `depthMax` deep. */
export function isNestedDeeper(json: Uint8Array, depthMax: number): boolean {
  if (json.length <= depthMax) return false;
  let depth = 0;
  for (let position = 0; position < json.length && depth <= depthMax; position++) {
    const byte = json[position]!;
    if (byte === QUOTE) position = stringEnd(json, position);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
  }
  return depth > depthMax;
}
