/**
 * Functions that repaired chat templates call (see template-repairs.ts): methods and filters of Python and jinja2 that the
 * template library lacks or knows otherwise. Each takes and gives plain values; none is `undefined` to them.
 */

/** By the names that they have in a template. */
export const REPAIR_FUNCTIONS = {
  octavo_percent_format: percentFormat,
  octavo_brace_format: braceFormat,
  octavo_capitalize: capitalized,
  octavo_length: lengthOf,
  octavo_strip: (text: unknown, characters: unknown) => stripped(text, characters, 'both'),
  octavo_lstrip: (text: unknown, characters: unknown) => stripped(text, characters, 'start'),
  octavo_rstrip: (text: unknown, characters: unknown) => stripped(text, characters, 'end'),
} as const;

const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g;

/**
 * Python's `text.strip(characters)`, in time that grows with the text: a pattern would look at each run of the characters
 * once for each of its places. @throws Error where one is no text.
 */
function stripped(text: unknown, characters: unknown, side: 'both' | 'start' | 'end'): string {
  if (typeof text !== 'string') throw new Error('only a text can be stripped');
  if (characters !== undefined && typeof characters !== 'string')
    throw new Error('strip arg must be None or str');
  const set = new Set(characters);
  const drops = (character: string) => (characters === undefined ? /\s/.test(character) : set.has(character));
  let start = 0;
  let end = text.length;
  while (side !== 'end' && start < end) {
    const character = String.fromCodePoint(text.codePointAt(start)!);
    if (!drops(character)) break;
    start += character.length;
  }
  while (side !== 'start' && start < end) {
    const pair = text.slice(Math.max(start, end - 2), end);
    const character = pair.codePointAt(0)! > 0xffff ? pair : pair.slice(-1);
    if (!drops(character)) break;
    end -= character.length;
  }
  return text.slice(start, end);
}

/** The first character in upper case and the others in lower case. @throws Error where it is no text. */
function capitalized(text: unknown): string {
  if (typeof text !== 'string') throw new Error('only a text can be capitalized');
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

/** As many characters as Python counts, of a text; items or entries of others. @throws Error where it has none. */
function lengthOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (typeof value !== 'string') throw new Error('only a text, a list or an object has a length');
  return value.length - (value.match(SURROGATE_PAIR)?.length ?? 0);
}

/** Python's `format % values`, of `%s`, `%d`, `%i` and `%%` alone. @throws Error for others, and where Python does. */
export function percentFormat(format: string, ...values: readonly unknown[]): string {
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
