/**
 * Constructs of chat templates of which the template library makes something else than jinja2 does, or nothing: rewritten
 * in the parsed tree into others that it or template-interpreter.ts knows. Only what templates in use have; each is in the
 * fixture `constructs`.
 */

import type { REPAIR_FUNCTIONS } from './template-functions.ts';
import type { Statement } from './template-library.ts';
import { asComprehension, testedAsInPython } from './template-selection.ts';
import { called, filtered, type Name, not, textLiteral, whereDefined } from './template-tree.ts';

type Call = Statement & { readonly callee: Statement; readonly args: readonly Statement[] };
type Member = Statement & { readonly object: Statement; readonly property: Name; readonly computed: boolean };
type Filter = Statement & { operand: Statement; readonly filter: Name | (Call & { readonly callee: Name }) };
type Test = Statement & { readonly operand: Statement; readonly negate: boolean; readonly test: Name };

type Helper = keyof typeof REPAIR_FUNCTIONS;

const METHODS: ReadonlyMap<string, Helper> = new Map([
  ['format', 'octavo_brace_format'],
  ['capitalize', 'octavo_capitalize'],
]);
/** Methods whose argument the library does not look at. */
const STRIPPING: ReadonlyMap<string, Helper> = new Map([
  ['strip', 'octavo_strip'],
  ['lstrip', 'octavo_lstrip'],
  ['rstrip', 'octavo_rstrip'],
]);
const FILTERS: ReadonlyMap<string, Helper> = new Map([
  ['format', 'octavo_percent_format'],
  ['capitalize', 'octavo_capitalize'],
  ['length', 'octavo_length'],
  ['count', 'octavo_length'],
]);
/** Filters for which what is not defined is an empty text to jinja2. */
const OF_TEXTS = new Set(['trim', 'upper', 'lower', 'capitalize', 'length', 'count']);

/** Changes the tree. */
export function repairTemplate(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  for (const child of node instanceof Map ? [...node].flat() : Object.values(node)) repairTemplate(child);
  const { type } = node as Partial<Statement>;
  if (type === 'CallExpression') repairCall(node as Call);
  else if (type === 'FilterExpression') repairFilter(node as Filter);
  else if (type === 'TestExpression') repairTest(node as Test);
}

/**
 * `x.items()`: the library takes an entry of that name first. `'{}'.format(x)`: it has none. `x.strip('\n')`: it strips all
 * white space, the indentation of code too. `x.capitalize()`: it leaves the rest as it is.
 */
function repairCall(node: Call): void {
  const { callee, args } = node;
  if (callee.type !== 'MemberExpression') return;
  const { object, property, computed } = callee as Member;
  if (computed) return;
  const name = property.value;
  const helper = METHODS.get(name) ?? (args.length > 0 ? STRIPPING.get(name) : undefined);
  if (name === 'items' && args.length === 0) become(node, filtered(object, 'items', []));
  else if (helper !== undefined) become(node, called(helper, [object, ...args]));
}

function repairFilter(node: Filter): void {
  const { filter } = node;
  const [name, args] = 'args' in filter ? [filter.callee.value, filter.args] : [filter.value, []];
  if (OF_TEXTS.has(name)) node.operand = whereDefined(node.operand, textLiteral(''));
  const helper = name === 'trim' && args.length > 0 ? 'octavo_strip' : FILTERS.get(name);
  const comprehension = asComprehension(node.operand, name, args);
  if (helper !== undefined) become(node, called(helper, [node.operand, ...args]));
  else if (comprehension !== null) {
    if (comprehension.result.type === 'FilterExpression') repairFilter(comprehension.result as Filter);
    become(node, comprehension);
  }
}

function repairTest(node: Test): void {
  const { operand, negate, test } = node;
  const passes = testedAsInPython(operand, test.value);
  if (passes.type !== 'TestExpression') become(node, negate ? not(passes) : passes);
}

function become(node: Statement, other: Statement): void {
  for (const field of Object.keys(node)) delete (node as Record<string, unknown>)[field];
  Object.assign(node, other);
}
