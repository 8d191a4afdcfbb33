/** The filter `tojson` as transformers defines it: Python's `json.dumps`, which leaves other letters as they are. */

import { compareTexts } from './text.ts';
import {
  Float,
  floatText,
  integerOf,
  isList,
  isMapping,
  isTrue,
  itemsOf,
  type Key,
  type Mapping,
  Tuple,
  typeName,
  type Value,
} from './values.ts';

type Layout = {
  /** `null`: all in one line. */
  readonly indent: string | null;
  readonly between: string;
  readonly behindKey: string;
  readonly asciiOnly: boolean;
  readonly sorted: boolean;
};

type Given = Value | undefined;

/** @throws Error where Python does: for what is not defined, among others. */
export function jsonText(
  value: Value,
  asciiOnly: Given,
  indent: Given,
  separators: Given,
  sortKeys: Given,
): string {
  const indentation = indentText(indent ?? null);
  const [between, behindKey] = separatorsOf(separators ?? null, indentation === null ? ', ' : ',');
  const layout = {
    ...{ indent: indentation, between, behindKey },
    asciiOnly: isTrue(asciiOnly ?? false),
    sorted: isTrue(sortKeys ?? false),
  };
  return written(value, layout, '\n');
}

function indentText(indent: Value): string | null {
  if (indent === null || typeof indent === 'string') return indent;
  return ' '.repeat(Math.max(0, integerOf(indent)));
}

function separatorsOf(separators: Value, between: string): readonly [string, string] {
  if (separators === null) return [between, ': '];
  const [first, second, ...others] = itemsOf(separators);
  if (typeof first !== 'string' || typeof second !== 'string' || others.length > 0) {
    throw new Error('separators must be two texts');
  }
  return [first, second];
}

/** @param lineStart of the line that the value begins in. */
function written(value: Value, layout: Layout, lineStart: string): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return quoted(value, layout);
  if (value instanceof Float) return numberText(value);
  const inside = lineStart + (layout.indent ?? '');
  if (isMapping(value)) {
    const entry = ([key, each]: readonly [string, Value]): string =>
      quoted(key, layout) + layout.behindKey + written(each, layout, inside);
    return bracketed('{}', entriesOf(value, layout).map(entry), layout, lineStart);
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : null;
  if (items === null) throw new Error(`Object of type ${typeName(value)} is not JSON serializable`);
  const parts = items.map((each) => written(each, layout, inside));
  return bracketed('[]', parts, layout, lineStart);
}

function bracketed(brackets: string, parts: readonly string[], layout: Layout, lineStart: string): string {
  const [open = '', close = ''] = brackets;
  if (parts.length === 0) return brackets;
  if (layout.indent === null) return open + parts.join(layout.between) + close;
  const inside = lineStart + layout.indent;
  return open + inside + parts.join(layout.between + inside) + lineStart + close;
}

function entriesOf(mapping: Mapping, { sorted }: Layout): (readonly [string, Value])[] {
  const entries = [...mapping].map(([key, value]) => [keyText(key), value] as const);
  return sorted ? entries.sort(([left], [right]) => compareTexts(left, right)) : entries;
}

function keyText(key: Key): string {
  return key === null ? 'null' : String(key);
}

function numberText({ number }: Float): string {
  if (Number.isFinite(number)) return floatText(number);
  return Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity';
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' },
};
const ESCAPED = /["\\]|[^ -\uffff]/g;
const ESCAPED_FOR_ASCII = /["\\]|[^ -~]/g;

function quoted(text: string, { asciiOnly }: Layout): string {
  const escaped = (character: string): string =>
    ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${text.replace(asciiOnly ? ESCAPED_FOR_ASCII : ESCAPED, escaped)}"`;
}
