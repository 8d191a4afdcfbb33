/**
 * Constructs of chat templates of which the template library makes something else than jinja2 does, or nothing: rewritten
 * in the parsed tree into others that it knows. Only what templates in use have; each is in the fixture `constructs`.
 */

type Node = { type: string; [field: string]: unknown };

/** Functions that rewritten templates call, by name. */
export const REPAIR_FUNCTIONS = {
  octavo_percent_format: percentFormat,
  octavo_brace_format: braceFormat,
} as const;

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
  else if (type === 'For') repairFor(node as Node);
}

/** `x.items()`: the library takes an entry of that name first. `'{}'.format(x)`: it has none. */
function repairCall(node: Node): void {
  const callee = node['callee'] as Node;
  const args = node['args'] as readonly unknown[];
  if (callee.type !== 'MemberExpression' || callee['computed'] === true) return;
  const { object, property } = callee as unknown as { object: Node; property: Node };
  if (property['value'] === 'items' && args.length === 0) {
    become(node, { type: 'FilterExpression', operand: object, filter: property });
  } else if (property['value'] === 'format') {
    become(node, call('octavo_brace_format', [object, ...args]));
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
}

/** Over what is not defined, jinja2 makes no turn. */
function repairFor(node: Node): void {
  const iterable = node['iterable'] as Node;
  if (iterable.type === 'SelectExpression') iterable['lhs'] = whereDefined(iterable['lhs'] as Node, NO_ITEMS);
  else node['iterable'] = whereDefined(iterable, NO_ITEMS);
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

/** Python's `format % values`, of `%s`, `%d`, `%i` and `%%` alone. @throws Error for others, and where Python does. */
function percentFormat(format: string, ...values: readonly unknown[]): string {
  const left = [...values];
  const text = format.replace(/%(.?)/g, (whole, kind: string) => {
    if (kind === '%') return '%';
    if (!['s', 'd', 'i'].includes(kind)) throw new Error(`'${whole}' of a format is not known here`);
    if (left.length === 0) throw new Error('not enough arguments for format string');
    const value = left.shift();
    return kind === 's' ? pythonText(value) : wholeNumber(value);
  });
  if (left.length > 0) throw new Error('not all arguments converted during string formatting');
  return text;
}

function wholeNumber(value: unknown): string {
  if (typeof value !== 'number' && typeof value !== 'boolean') throw new Error('a number is required');
  return String(Math.trunc(Number(value)));
}

/** Python's `format.format(values)`, of `{}`, `{0}` and doubled braces alone. @throws Error for others. */
function braceFormat(format: string, ...values: readonly unknown[]): string {
  let next = 0;
  return format.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (whole, field: string | undefined) => {
    if (whole.length === 1) throw new Error(`single '${whole}' in a format`);
    if (field === undefined) return whole.charAt(0);
    if (!/^\d*$/.test(field)) throw new Error(`'${whole}' of a format is not known here`);
    const index = field === '' ? next++ : Number(field);
    if (index >= values.length) throw new Error('not enough arguments for a format');
    return pythonText(values[index]);
  });
}

/** What Python's `str` makes of a value; of what a list or an object holds, `repr`. */
function pythonText(value: unknown, quoted = false): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return quoted ? pythonString(value) : value;
  if (Array.isArray(value)) return `[${value.map((each: Held) => pythonText(each.value, true)).join(', ')}]`;
  if (!(value instanceof Map)) return String(value);
  const entries = [...(value as Map<string, Held>)];
  return `{${entries.map(([key, each]) => `${pythonString(key)}: ${pythonText(each.value, true)}`).join(', ')}}`;
}

/** A value inside of a list or an object, as the template library keeps it. */
type Held = { readonly value: unknown };

function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  const escaped = text.replace(/[\\\n\r\t]/g, (character) => escapes[character]!);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}
