/**
 * Constructs of chat templates of which the template library makes something else than jinja2 does, or nothing: rewritten
 * in the parsed tree into others that it knows. Only what templates in use have; each is in the fixture `constructs`.
 */

import type { REPAIR_FUNCTIONS } from './template-functions.ts';

type Node = { type: string; [field: string]: unknown };

/** Methods of texts whose argument the library does not look at. */
const STRIPPING: Readonly<Record<string, keyof typeof REPAIR_FUNCTIONS>> = {
  strip: 'octavo_strip',
  lstrip: 'octavo_lstrip',
  rstrip: 'octavo_rstrip',
};
/** Filters that to jinja2 give nothing for whatever is false. */
const OF_SEQUENCES = new Set(['selectattr', 'rejectattr', 'map']);
/** Filters for which what is not defined is an empty text to jinja2. */
const OF_TEXTS = new Set(['trim', 'upper', 'lower', 'capitalize', 'length', 'count']);

/** Changes the tree. */
export function repairTemplate(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  for (const child of node instanceof Map ? [...node].flat() : Object.values(node)) repairTemplate(child);
  const { type } = node as Partial<Node>;
  if (type === 'CallExpression') repairCall(node as Node);
  else if (type === 'FilterExpression') repairFilter(node as Node);
}

/**
 * `x.items()`: the library takes an entry of that name first. `'{}'.format(x)`: it has none. `x.strip('\n')`: it strips all
 * white space, the indentation of code too.
 */
function repairCall(node: Node): void {
  const callee = node['callee'] as Node;
  const args = node['args'] as readonly unknown[];
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return;
  const { object, property } = callee as unknown as { object: Node; property: Node };
  const name = property['value'] as string;
  if (name === 'items' && args.length === 0) {
    become(node, { type: 'FilterExpression', operand: object, filter: property });
  } else if (name === 'format') {
    become(node, call('octavo_brace_format', [object, ...args]));
  } else if (Object.hasOwn(STRIPPING, name) && args.length > 0) {
    become(node, call(STRIPPING[name]!, [object, ...args]));
  }
}

function repairFilter(node: Node): void {
  const filter = node['filter'] as Node;
  const operand = node['operand'] as Node;
  const args = filter.type === 'CallExpression' ? (filter['args'] as readonly unknown[]) : [];
  const name = (filter.type === 'CallExpression' ? (filter['callee'] as Node) : filter)['value'] as string;
  if (name === 'format') become(node, call('octavo_percent_format', [operand, ...args]));
  else if (OF_SEQUENCES.has(name)) node['operand'] = orElse(operand, NO_ITEMS);
  else if (OF_TEXTS.has(name)) node['operand'] = whereDefined(operand, { type: 'StringLiteral', value: '' });
  if (name === 'trim' && args.length > 0) become(node, call('octavo_strip', [node['operand'], ...args]));
}

const NO_ITEMS: Node = { type: 'ArrayLiteral', value: [] };

function orElse(left: Node, right: Node): Node {
  return { type: 'BinaryExpression', operator: { type: 'BinaryOperator', value: 'or' }, left, right };
}

/** The operand, or `other` where it is not defined. Only names and places in objects may not be: they are looked up twice. */
function whereDefined(operand: Node, other: Node): Node {
  if (operand.type !== 'Identifier' && operand.type !== 'MemberExpression') return operand;
  const test = { type: 'Identifier', value: 'defined' };
  const condition: Node = { type: 'TestExpression', operand, negate: false, test };
  return { type: 'Ternary', condition, trueExpr: operand, falseExpr: other };
}

function call(name: keyof typeof REPAIR_FUNCTIONS, args: readonly unknown[]): Node {
  return { type: 'CallExpression', callee: { type: 'Identifier', value: name }, args };
}

function become(node: Node, other: Node): void {
  for (const field of Object.keys(node)) delete node[field];
  Object.assign(node, other);
}
