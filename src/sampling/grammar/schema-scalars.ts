/** Strings, numbers, and enumerated values of a schema -> rules. */

import type { JsonRules } from './json-rules.ts';
import { numberAutomaton } from './number-automaton.ts';
import type { ProgramBuilder } from './program-builder.ts';
import { regexAutomaton } from './regex-automaton.ts';
import type { Demands, JsonType } from './schema-demands.ts';
import type { SchemaWriter } from './schema-writer.ts';
import { spellText, spellTexts } from './spell-text.ts';
import { STRING_FORMATS } from './string-formats.ts';
import { both } from './text-algebra.ts';
import { type TextAutomaton, textOfLength } from './text-automaton.ts';

/** One of the enumerated values of a demanded type; scalars are spelled as `JSON.stringify` does. */
export function writeValues(
  { builder, json }: SchemaWriter,
  { values, types }: Demands,
  from: number,
  to: number,
): void {
  const fitting = values!.filter((value) => typesOfValue(value).some((type) => types.has(type)));
  const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null;
  spellTexts(
    builder,
    fitting.filter(isScalar).map((value) => JSON.stringify(value)),
    { from, to },
  );
  for (const value of fitting) if (!isScalar(value)) writeValue({ builder, json }, value, from, to);
}

function typesOfValue(value: unknown): readonly JsonType[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return [typeof value as 'string' | 'boolean' | 'object'];
}

type Writer = { readonly builder: ProgramBuilder; readonly json: JsonRules };

/** Exactly this value, keys in its order. Not nested deeper than the schema may be. */
function writeValue(writer: Writer, value: unknown, from: number, to: number): void {
  const { builder, json } = writer;
  if (typeof value !== 'object' || value === null) {
    builder.literal(from, JSON.stringify(value), to);
    return;
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const open = builder.state();
  let state = builder.state();
  builder.literal(from, isList ? '[' : '{', open);
  json.space(open, state);
  entries.forEach(([key, inner], index) => {
    const [place, after] = [builder.state(), builder.state()];
    if (index === 0) builder.empty(state, place);
    else json.separator(state, ',', place);
    const content = isList ? place : builder.state();
    if (!isList) {
      const colon = builder.state();
      builder.literal(place, JSON.stringify(key), colon);
      json.separator(colon, ':', content);
    }
    writeValue(writer, inner, content, after);
    state = after;
  });
  const close = entries.length === 0 ? state : builder.state();
  if (close !== state) json.space(state, close);
  builder.literal(close, isList ? ']' : '}', to);
}

export function writeString(
  { builder, json, document }: SchemaWriter,
  { patterns, formats, length, path }: Demands,
  from: number,
  to: number,
): void {
  if (length.max !== null && length.min > length.max) return;
  const automata: TextAutomaton[] = patterns.map(({ text, path: param }) =>
    regexAutomaton(text, { isWhole: false, param: document.paramOf(param) }),
  );
  for (const { text, path: place } of formats) {
    const expression = STRING_FORMATS.get(text);
    if (expression === undefined) {
      throw document.unsupported(place, `the known formats are ${[...STRING_FORMATS.keys()].join(', ')}`);
    }
    automata.push(regexAutomaton(expression, { isWhole: true, param: path }));
  }
  const [first, ...others] = automata;
  if (first === undefined) {
    const isFree = length.min === 0 && length.max === null;
    if (isFree) builder.call(from, json.string, to);
    else json.stringOfLength(from, length, to);
    return;
  }
  if (length.min > 0 || length.max !== null) others.push(textOfLength(length.min, length.max));
  const automaton = others.reduce<TextAutomaton>((all, each) => both(all, each), first);
  const [open, close] = [builder.state(), builder.state()];
  builder.literal(from, '"', open);
  spellText(builder, automaton, { from: open, to: close, spelling: 'json' });
  builder.literal(close, '"', to);
}

export function writeNumber(
  { builder, json }: SchemaWriter,
  demands: Pick<Demands, 'low' | 'high' | 'multiplesOf'> & { readonly isInteger: boolean },
  from: number,
  to: number,
): void {
  const { low, high, multiplesOf, isInteger } = demands;
  if (low === null && high === null && multiplesOf.length === 0) {
    builder.call(from, isInteger ? json.integer : json.number, to);
    return;
  }
  spellText(builder, numberAutomaton({ isInteger, low, high, multiplesOf }), { from, to, spelling: 'plain' });
}
