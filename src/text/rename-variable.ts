/**
 * Gives a variable of a parsed template another name. For names that the template library has taken itself and lets
 * nobody replace.
 */

/** Changes the tree. Names of attributes (`message.name`) are renamed with it where they are the same. */
export function renameVariable(node: unknown, from: string, to: string): void {
  if (typeof node !== 'object' || node === null) return;
  const identifier = node as { type?: unknown; value?: unknown };
  if (identifier.type === 'Identifier' && identifier.value === from) identifier.value = to;
  for (const child of node instanceof Map ? [...node].flat() : Object.values(node)) {
    renameVariable(child, from, to);
  }
}
