/**
 * The order in which a matrix's inputs lie in groups. GPTQ's "act-order" gives a group to inputs that are anywhere; the
 * 4-bit product wants a group's inputs side by side. Sorted by group they are: the same products in another order,
 * of activations that are picked in that order.
 */

import { StartupError } from '../base/errors.ts';

/**
 * @param groups of each input
 * @param groupSize inputs of a group; the last group may have fewer
 * @param name of the tensor that holds `groups`
 * @returns inputs in order of their groups; `null` where they lie in it already
 * @throws StartupError for groups of other sizes
 */
export function groupOrder(groups: Int32Array, groupSize: number, name: string): Int32Array | null {
  if (groups.every((group, input) => group === Math.floor(input / groupSize))) return null;
  const order = Int32Array.from(groups, (_, input) => input).sort((a, b) => groups[a]! - groups[b]! || a - b);
  order.forEach((input, place) => {
    const expected = Math.floor(place / groupSize);
    if (groups[input] !== expected) {
      throw new StartupError(
        `tensor "${name}" puts ${groups.filter((group) => group === expected).length} inputs into group ${expected}, where config.json's group_size is ${groupSize}`,
      );
    }
  });
  return order;
}

/** Whether matrices with these orders can read the same picked activations. */
export function sameOrder(one: Int32Array | null, other: Int32Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((input, place) => input === other[place]);
}
