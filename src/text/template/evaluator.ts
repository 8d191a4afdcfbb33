/** Expressions of chat templates -> values. */

import { TEMPLATE_STEPS_MAX } from '../../base/limits.ts';
import { attributeOf, itemOf, sliceOf } from './access.ts';
import { applyFilter } from './filters.ts';
import { ARITHMETIC, boundedText, COMPARISONS } from './operators.ts';
import type { Scope } from './scope.ts';
import { passes } from './tests.ts';
import type { Arguments, Comparison, Expression, Filter, Slice } from './tree.ts';
import {
  Float,
  foundOr,
  integerOf,
  isList,
  isMapping,
  isTrue,
  itemsOf,
  type Key,
  keyOf,
  requireDefined,
  Tuple,
  textOf,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

type GivenArguments = {
  readonly positional: readonly Value[];
  readonly keywords: ReadonlyMap<string, Value>;
};

const NONE_GIVEN: GivenArguments = { positional: [], keywords: new Map() };
/** Characters that are gone over in the time of one step. */
const CHARACTERS_A_STEP = 256;

export class Evaluator {
  #steps = 0;

  /** @throws Error when the template has run for too long. */
  protected spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > TEMPLATE_STEPS_MAX) {
      throw new Error(`the template has not come to its end after ${TEMPLATE_STEPS_MAX} steps`);
    }
  }

  /** The time that it takes to go over a value. */
  #spendOn(value: Value): void {
    if (isList(value)) this.spend(value.length);
    else this.spend(typeof value === 'string' ? 1 + value.length / CHARACTERS_A_STEP : 1);
  }

  protected evaluate(node: Expression, scope: Scope): Value {
    switch (node.type) {
      case 'Literal':
        return node.value;
      case 'Name':
        return foundOr(scope.get(node.name), `'${node.name}' is undefined`);
      case 'Attribute':
        return attributeOf(this.evaluate(node.object, scope), node.name);
      case 'Item':
        return itemOf(this.evaluate(node.object, scope), this.evaluate(node.key, scope));
      case 'Slice':
        return this.#slice(node, scope);
      case 'Call':
        return this.#call(node.callee, node.args, scope);
      case 'Filter':
        return this.filtered(node, null, scope);
      case 'Test':
        return this.#test(node, scope);
      case 'Not':
        return !isTrue(this.evaluate(node.operand, scope));
      case 'Sign':
        return signed(node.sign, this.evaluate(node.operand, scope));
      case 'Logic':
        return this.#logic(node, scope);
      case 'Comparison':
        return this.#comparison(node, scope);
      case 'Arithmetic':
        return ARITHMETIC.get(node.operator)!(
          this.evaluate(node.left, scope),
          this.evaluate(node.right, scope),
        );
      case 'Concatenation':
        // `join` would copy what the text already has; templates add to one text for every message.
        return boundedText(node.parts.reduce((text, part) => text + textOf(this.evaluate(part, scope)), ''));
      case 'Choice':
        return this.#choice(node, scope);
      case 'List':
        return this.#all(node.items, scope);
      case 'Tuple':
        return new Tuple(this.#all(node.items, scope));
      case 'Mapping':
        return this.#mapping(node.entries, scope);
    }
  }

  #all(nodes: readonly Expression[], scope: Scope): Value[] {
    return nodes.map((node) => this.evaluate(node, scope));
  }

  #slice({ object, ...bounds }: Slice, scope: Scope): Value {
    const value = this.evaluate(object, scope);
    this.#spendOn(value);
    const boundOf = (node: Expression | null): Value => (node === null ? null : this.evaluate(node, scope));
    return sliceOf(value, {
      start: boundOf(bounds.start),
      stop: boundOf(bounds.stop),
      step: boundOf(bounds.step),
    });
  }

  #call(callee: Expression, args: Arguments, scope: Scope): Value {
    const called = requireDefined(this.evaluate(callee, scope));
    const { positional, keywords } = this.#arguments(args, scope);
    return this.callValue(called, positional, keywords);
  }

  protected callValue(
    called: Value,
    positional: readonly Value[],
    keywords: ReadonlyMap<string, Value>,
  ): Value {
    if (typeof called !== 'function') throw new Error(`'${typeName(called)}' object is not callable`);
    this.spend(1);
    const result = called(positional, keywords);
    return typeof result === 'string' ? boundedText(result) : result;
  }

  /** @param input of a filter that has no operand. */
  protected filtered({ operand, name, args }: Filter, input: Value, scope: Scope): Value {
    const isFirst = operand === null;
    const value = isFirst
      ? input
      : operand.type === 'Filter'
        ? this.filtered(operand, input, scope)
        : this.evaluate(operand, scope);
    this.#spendOn(value);
    const { positional, keywords } = this.#arguments(args, scope);
    return applyFilter(name, value, positional, keywords);
  }

  #test(node: Extract<Expression, { type: 'Test' }>, scope: Scope): boolean {
    const value = this.evaluate(node.operand, scope);
    const { positional, keywords } = this.#arguments(node.args, scope);
    return passes(node.name, value, positional, keywords);
  }

  #logic({ operator, left, right }: Extract<Expression, { type: 'Logic' }>, scope: Scope): Value {
    const first = this.evaluate(left, scope);
    return isTrue(first) === (operator === 'and') ? this.evaluate(right, scope) : first;
  }

  #choice({ test, value, otherwise }: Extract<Expression, { type: 'Choice' }>, scope: Scope): Value {
    if (isTrue(this.evaluate(test, scope))) return this.evaluate(value, scope);
    if (otherwise !== null) return this.evaluate(otherwise, scope);
    return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
  }

  #comparison({ first, rest }: Comparison, scope: Scope): boolean {
    let left = this.evaluate(first, scope);
    for (const { operator, operand } of rest) {
      const right = this.evaluate(operand, scope);
      this.#spendOn(right);
      if (!COMPARISONS.get(operator)!(left, right)) return false;
      left = right;
    }
    return true;
  }

  #mapping(entries: readonly (readonly [Expression, Expression])[], scope: Scope): Value {
    const mapping = new Map<Key, Value>();
    for (const [key, value] of entries) {
      mapping.set(keyOf(this.evaluate(key, scope)), this.evaluate(value, scope));
    }
    return mapping;
  }

  #arguments({ positional, keywords, rest, keywordRest }: Arguments, scope: Scope): GivenArguments {
    const isEmpty = positional.length === 0 && keywords.length === 0 && rest === null && keywordRest === null;
    if (isEmpty) return NONE_GIVEN;
    const placed = this.#all(positional, scope);
    if (rest !== null) placed.push(...itemsOf(this.evaluate(rest, scope)));
    const named = new Map(keywords.map(([name, value]) => [name, this.evaluate(value, scope)]));
    if (keywordRest !== null) spread(this.evaluate(keywordRest, scope), named);
    return { positional: placed, keywords: named };
  }
}

function spread(entries: Value, named: Map<string, Value>): void {
  if (!isMapping(entries)) throw new Error(`argument after ** must be a mapping, not ${typeName(entries)}`);
  for (const [key, value] of entries) {
    if (typeof key !== 'string') throw new Error('keywords must be strings');
    if (named.has(key)) throw new Error(`got multiple values for keyword argument '${key}'`);
    named.set(key, value);
  }
}

function signed(sign: '+' | '-', value: Value): Value {
  if (value instanceof Float) return sign === '-' ? new Float(-value.number) : value;
  if (typeof value !== 'number' && typeof value !== 'boolean') {
    requireDefined(value);
    throw new Error(`bad operand type for unary ${sign}: '${typeName(value)}'`);
  }
  const number = integerOf(value);
  return sign === '-' && number !== 0 ? -number : number;
}
