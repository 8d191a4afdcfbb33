/** Arrays of a schema -> rules: items at their places, then those that follow, as many as are allowed. */

import type { Rule } from './program-builder.ts';
import type { ArrayDemands, Demands } from './schema-demands.ts';
import type { SchemaPlace } from './schema-document.ts';
import type { SchemaWriter } from './schema-writer.ts';

export function writeArray(
  writer: SchemaWriter,
  { arrays, itemCount }: Demands,
  from: number,
  to: number,
): void {
  const { builder, json } = writer;
  const prefixLength = Math.max(0, ...arrays.map(({ prefix }) => prefix.length));
  const { min } = itemCount;
  const max = longest(arrays, itemCount, prefixLength);
  if (max !== null && min > max) return;
  const [open, first, close] = [builder.state(), builder.state(), builder.state()];
  builder.literal(from, '[', open);
  json.space(open, first);
  builder.literal(close, ']', to);
  if (min === 0) builder.empty(first, close);
  /** Of the items that have no place of their own: there may be thousands, and they are all the same. */
  let others: Rule | null = null;
  const itemAt = (index: number): Rule => {
    if (index < prefixLength) return writer.ruleOf(schemasAt(arrays, index));
    others ??= writer.ruleOf(schemasAt(arrays, index));
    return others;
  };
  const write = (index: number, place: number): number => {
    const after = builder.state();
    builder.call(place, itemAt(index), after);
    if (index + 1 >= min) json.space(after, close);
    return after;
  };
  const distinct = max ?? Math.max(prefixLength, min, 1);
  let place = first;
  let after = first;
  for (let index = 0; index < distinct; index++) {
    after = write(index, place);
    place = builder.state();
    if (index + 1 < distinct) json.separator(after, ',', place);
  }
  if (max !== null) return;
  const again = builder.state();
  json.separator(after, ',', again);
  builder.call(again, itemAt(distinct), after);
}

/**
 * A list of places that says nothing of further items has none, unless `minItems` asks for more: as with objects,
 * what a schema lists is what it means.
 */
function longest(
  arrays: readonly ArrayDemands[],
  { min, max }: Demands['itemCount'],
  prefixLength: number,
): number | null {
  const isOpen = arrays.some(({ items }) => items !== null) || prefixLength === 0 || min > prefixLength;
  const closed = arrays.filter(({ items }) => items?.schema === false).map(({ prefix }) => prefix.length);
  if (!isOpen) closed.push(prefixLength);
  const bounds = max === null ? closed : [...closed, max];
  return bounds.length === 0 ? null : Math.min(...bounds);
}

function schemasAt(arrays: readonly ArrayDemands[], index: number): readonly SchemaPlace[] {
  return arrays.flatMap(({ prefix, items }) => prefix[index] ?? items ?? []);
}
