/**
 * Objects of a schema -> rules. Properties come in the schema's order, then required ones that it does not list, then
 * other keys. A schema that lists properties and says nothing of other keys allows none, as OpenAI's strict mode, and
 * as models are asked; `additionalProperties: true` allows them.
 */

import { SCHEMA_PATTERN_PROPERTIES_MAX } from '../../base/grammar-limits.ts';
import type { Rule } from './program-builder.ts';
import { regexAutomaton } from './regex-automaton.ts';
import type { Demands, ObjectDemands } from './schema-demands.ts';
import type { SchemaPlace } from './schema-document.ts';
import type { SchemaWriter } from './schema-writer.ts';
import { spellText } from './spell-text.ts';
import { both, deterministic, isEmptyLanguage, takes, without } from './text-algebra.ts';
import { type Deterministic, textOfLength, textsOf } from './text-automaton.ts';

type Pattern = {
  readonly automaton: Deterministic;
  readonly place: SchemaPlace;
  readonly owner: ObjectDemands;
};

type NamedProperty = { readonly pair: Rule; readonly isRequired: boolean };

export function writeObject(writer: SchemaWriter, demands: Demands, from: number, to: number): void {
  const { objects, propertyCount } = demands;
  if (propertyCount.max !== null && propertyCount.min > propertyCount.max) return;
  const patterns = patternsOf(writer, demands);
  const required = new Set(objects.flatMap((object) => object.required));
  const names = [...new Set([...objects.flatMap((object) => [...object.properties.keys()]), ...required])];
  const named = names.map((name) => ({
    isRequired: required.has(name),
    pair: pairRule(writer, literalKey(writer, name), schemasOfName(objects, patterns, name)),
  }));
  const others = otherPairs(writer, { demands, patterns, names });
  if (others.length > 0 && propertyCount.min > Math.max(1, required.size)) {
    const why = 'other keys than the listed ones may come twice, so they cannot be counted';
    throw writer.document.unsupported(`${demands.path}.minProperties`, why);
  }
  new ObjectLayout(writer, { named, others, count: propertyCount }).write(from, to);
}

/** Where an object stands: before property `index` or a later one, with `count` pairs written, as far as that matters. */
class ObjectLayout {
  readonly #writer: SchemaWriter;
  readonly #named: readonly NamedProperty[];
  readonly #others: readonly Rule[];
  readonly #min: number;
  readonly #max: number | null;
  /** Pairs beyond so many are not counted. */
  readonly #countMax: number;
  /** From here on no property is required. */
  readonly #optionalFrom: number;
  readonly #states = new Map<string, number>();

  constructor(
    writer: SchemaWriter,
    parts: {
      readonly named: readonly NamedProperty[];
      readonly others: readonly Rule[];
      readonly count: Demands['propertyCount'];
    },
  ) {
    this.#writer = writer;
    this.#named = parts.named;
    this.#others = parts.others;
    this.#min = parts.count.min;
    this.#max = parts.count.max;
    this.#countMax = Math.max(1, this.#min, this.#max ?? 0);
    this.#optionalFrom = parts.named.findLastIndex(({ isRequired }) => isRequired) + 1;
  }

  write(from: number, to: number): void {
    const { builder, json } = this.#writer;
    const [open, close] = [builder.state(), builder.state()];
    builder.literal(from, '{', open);
    json.space(open, this.#state('before', 0, 0));
    builder.literal(close, '}', to);
    if (this.#optionalFrom === 0 && this.#min === 0) builder.empty(this.#state('before', 0, 0), close);
    for (let count = 0; count <= this.#countMax; count++) {
      for (let index = 0; index <= this.#named.length; index++) this.#writeBefore(index, count);
      if (count > 0)
        for (let index = 0; index <= this.#named.length; index++) this.#writeAfter(index, count, close);
    }
  }

  #writeBefore(index: number, count: number): void {
    const { builder } = this.#writer;
    const here = this.#state('before', index, count);
    const next = this.#counted(count);
    const property = this.#named[index];
    if (property !== undefined && !property.isRequired) {
      builder.empty(here, this.#state('before', index + 1, count));
    }
    if (next === null) return;
    const pairs = property === undefined ? this.#others : [property.pair];
    const nextIndex = property === undefined ? index : index + 1;
    for (const pair of pairs) builder.call(here, pair, this.#state('after', nextIndex, next));
  }

  #writeAfter(index: number, count: number, close: number): void {
    const here = this.#state('after', index, count);
    const hasMore = index < this.#named.length || this.#others.length > 0;
    if (hasMore) this.#writer.json.separator(here, ',', this.#state('before', index, count));
    if (index >= this.#optionalFrom && count >= this.#min) this.#writer.json.space(here, close);
  }

  #counted(count: number): number | null {
    if (this.#max !== null && count >= this.#max) return null;
    return Math.min(count + 1, this.#countMax);
  }

  #state(side: 'before' | 'after', index: number, count: number): number {
    const key = `${side} ${index} ${count}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state = this.#writer.builder.state();
    this.#states.set(key, state);
    return state;
  }
}

function pairRule({ builder, json, ruleOf }: SchemaWriter, key: Rule, places: readonly SchemaPlace[]): Rule {
  const rule = builder.rule('a property');
  json.pair(rule.start, key, ruleOf(places), rule.end);
  return rule;
}

function literalKey({ builder }: SchemaWriter, name: string): Rule {
  const rule = builder.rule('a key');
  builder.literal(rule.start, JSON.stringify(name), rule.end);
  return rule;
}

/** What each schema says of a key that is listed somewhere. */
function schemasOfName(
  objects: readonly ObjectDemands[],
  patterns: readonly Pattern[],
  name: string,
): readonly SchemaPlace[] {
  return objects.flatMap((object) => {
    const listed = object.properties.get(name);
    const matching = patterns
      .filter(({ owner, automaton }) => owner === object && takes(automaton, name))
      .map(({ place }) => place);
    const own = listed === undefined ? matching : [listed, ...matching];
    if (own.length > 0) return own;
    return object.additional === null ? [] : [object.additional];
  });
}

function patternsOf({ document }: SchemaWriter, { objects, path }: Demands): readonly Pattern[] {
  const patterns = objects.flatMap((owner) =>
    [...owner.patterns].map(([text, place]) => {
      const param = document.paramOf(`${path}.patternProperties`);
      return { owner, place, automaton: deterministic(regexAutomaton(text, { isWhole: false, param })) };
    }),
  );
  if (patterns.length <= SCHEMA_PATTERN_PROPERTIES_MAX) return patterns;
  const what = `has ${patterns.length} patterns; ${SCHEMA_PATTERN_PROPERTIES_MAX} are the most`;
  throw document.invalid(`${path}.patternProperties`, what);
}

type Keys = {
  readonly demands: Demands;
  readonly patterns: readonly Pattern[];
  readonly names: readonly string[];
};

/** Pairs of keys that are not listed: for each set of patterns that a key can match, what their schemas say. */
function otherPairs(writer: SchemaWriter, keys: Keys): readonly Rule[] {
  const { demands, patterns, names } = keys;
  const listsNothing = names.length === 0 && patterns.length === 0;
  const isOpen = listsNothing || demands.objects.some(({ additional }) => additional !== null);
  const pairs: Rule[] = [];
  for (let matched = isOpen ? 0 : 1; matched < 1 << patterns.length; matched++) {
    const chosen = new Set(patterns.filter((_, index) => (matched & (1 << index)) !== 0));
    const places = schemasOfMatching(demands.objects, chosen);
    if (places.some(({ schema }) => schema === false)) continue;
    const key = listsNothing ? writer.json.string : otherKey(writer, keys, chosen);
    if (key !== null) pairs.push(pairRule(writer, key, places));
  }
  return pairs;
}

/** What each schema says of a key that is listed nowhere and matches these patterns. */
function schemasOfMatching(
  objects: readonly ObjectDemands[],
  matched: ReadonlySet<Pattern>,
): readonly SchemaPlace[] {
  return objects.flatMap((object) => {
    const own = [...matched].filter(({ owner }) => owner === object).map(({ place }) => place);
    if (own.length > 0) return own;
    return object.additional === null ? [] : [object.additional];
  });
}

/** Keys that are not listed and match these patterns and no other; null when there are none. */
function otherKey(
  writer: SchemaWriter,
  { patterns, names }: Keys,
  matched: ReadonlySet<Pattern>,
): Rule | null {
  let keys = without(textOfLength(0, null), textsOf(names));
  for (const pattern of patterns) keys = (matched.has(pattern) ? both : without)(keys, pattern.automaton);
  return isEmptyLanguage(keys) ? null : textKey(writer, keys);
}

function textKey({ builder }: SchemaWriter, keys: Deterministic): Rule {
  const rule = builder.rule('a key');
  const [open, close] = [builder.state(), builder.state()];
  builder.literal(rule.start, '"', open);
  spellText(builder, keys, { from: open, to: close, spelling: 'json' });
  builder.literal(close, '"', rule.end);
  return rule;
}
