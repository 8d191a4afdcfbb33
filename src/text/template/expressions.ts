/** Tokens of a chat template -> expressions, with the precedence that jinja2 gives its operators. */

import { FILTERS } from './filters.ts';
import type { Token } from './lexer.ts';
import { TESTS } from './tests.ts';
import { TokenCursor } from './token-cursor.ts';
import type { Arguments, Expression, Filter, Slice } from './tree.ts';
import { Float } from './values.ts';

const COMPARING = new Set(['==', '!=', '<', '<=', '>', '>=']);
/** Names of values, which nobody can assign to. */
export const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ...['true', 'True'].map((name): [string, boolean] => [name, true]),
  ...['false', 'False'].map((name): [string, boolean] => [name, false]),
  ...['none', 'None'].map((name): [string, null] => [name, null]),
]);
const NO_ARGUMENTS: Arguments = { positional: [], keywords: [], rest: null, keywordRest: null };
/** Filters whose argument names another filter, or a test, and where it stands. */
const NAMES_FILTER: ReadonlyMap<string, number> = new Map([['map', 0]]);
const NAMES_TEST: ReadonlyMap<string, number> = new Map([
  ...['select', 'reject'].map((name): [string, number] => [name, 0]),
  ...['selectattr', 'rejectattr'].map((name): [string, number] => [name, 1]),
]);
/** What begins the argument of a test without brackets: `x is divisibleby 3`. */
const ARGUMENT_TYPES: ReadonlySet<Token['type']> = new Set(['name', 'string', 'integer', 'float']);

type GivenSoFar = {
  readonly positional: Expression[];
  readonly keywords: [string, Expression][];
  rest: Expression | null;
  keywordRest: Expression | null;
};

export class ExpressionParser extends TokenCursor {
  /** For each macro around, the names in it. */
  protected readonly namesOfMacros: Set<string>[] = [];

  /** An expression, or several with commas between them, which are a tuple. */
  protected tuple(mayBeEmpty = false): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    while (!this.#isTupleEnd()) {
      items.push(this.expression());
      if (!this.skipIf('operator', ',')) break;
      isTuple = true;
    }
    if (items.length === 0 && !mayBeEmpty) this.fail(`expected an expression, got '${this.current.value}'`);
    return isTuple || items.length === 0 ? { type: 'Tuple', items } : items[0]!;
  }

  #isTupleEnd(): boolean {
    return this.current.type === 'end' || this.is('operator', ')');
  }

  protected expression(): Expression {
    let value = this.#or();
    while (this.skipIf('name', 'if')) {
      const test = this.#or();
      const otherwise = this.skipIf('name', 'else') ? this.expression() : null;
      value = { type: 'Choice', test, value, otherwise };
    }
    return value;
  }

  /** An expression that no `if` follows: of a loop, that is its own. */
  protected expressionWithoutChoice(): Expression {
    return this.#or();
  }

  #or(): Expression {
    let left = this.#and();
    while (this.skipIf('name', 'or')) left = { type: 'Logic', operator: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.skipIf('name', 'and')) left = { type: 'Logic', operator: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    return this.skipIf('name', 'not') ? { type: 'Not', operand: this.#not() } : this.#comparison();
  }

  #comparison(): Expression {
    const first = this.#sum();
    const rest: { operator: string; operand: Expression }[] = [];
    for (let operator = this.#comparing(); operator !== null; operator = this.#comparing()) {
      rest.push({ operator, operand: this.#sum() });
    }
    return rest.length === 0 ? first : { type: 'Comparison', first, rest };
  }

  #comparing(): string | null {
    const { type, value } = this.current;
    if (type === 'operator' && COMPARING.has(value)) return this.next().value;
    if (this.skipIf('name', 'in')) return 'in';
    if (!this.is('name', 'not') || !this.is('name', 'in', 1)) return null;
    this.next();
    this.next();
    return 'not in';
  }

  #binary(operators: string, operand: () => Expression): Expression {
    let left = operand();
    while (this.current.type === 'operator' && operators.split(' ').includes(this.current.value)) {
      left = { type: 'Arithmetic', operator: this.next().value, left, right: operand() };
    }
    return left;
  }

  #sum(): Expression {
    return this.#binary('+ -', () => this.#concatenation());
  }

  #concatenation(): Expression {
    const parts = [this.#product()];
    while (this.skipIf('operator', '~')) parts.push(this.#product());
    return parts.length === 1 ? parts[0]! : { type: 'Concatenation', parts };
  }

  #product(): Expression {
    return this.#binary('* / // %', () => this.#binary('**', () => this.#unary()));
  }

  /** `-x | abs` is `(-x) | abs`. */
  #unary(withFilters = true): Expression {
    const sign = this.is('operator', '-') || this.is('operator', '+') ? (this.next().value as '-') : null;
    const operand: Expression =
      sign === null ? this.primary() : { type: 'Sign', sign, operand: this.#unary(false) };
    const found = this.#postfix(operand);
    return withFilters ? this.#filtersAndTests(found) : found;
  }

  protected primary(): Expression {
    const token = this.next();
    switch (token.type) {
      case 'name':
        return this.#nameOrConstant(token);
      case 'string': {
        let value = token.value;
        while (this.current.type === 'string') value += this.next().value;
        return { type: 'Literal', value };
      }
      case 'integer':
        return { type: 'Literal', value: this.#integer(token) };
      case 'float':
        return { type: 'Literal', value: new Float(Number(token.value.replaceAll('_', ''))) };
      default:
        return this.#bracketed(token);
    }
  }

  #nameOrConstant({ value: name }: Token): Expression {
    const constant = CONSTANTS.get(name);
    if (constant !== undefined) return { type: 'Literal', value: constant };
    for (const names of this.namesOfMacros) names.add(name);
    return { type: 'Name', name };
  }

  #integer(token: Token): number {
    const value = Number(token.value.replaceAll('_', ''));
    if (!Number.isSafeInteger(value)) this.fail(`the number ${token.value} is not supported`, token);
    return value;
  }

  #bracketed(token: Token): Expression {
    if (token.type !== 'operator') return this.fail(`unexpected '${token.value}'`, token);
    if (token.value === '(') {
      const inside = this.tuple(true);
      this.expect('operator', ')');
      return inside;
    }
    if (token.value === '[') return { type: 'List', items: this.#listed(']', () => this.expression()) };
    if (token.value !== '{') return this.fail(`unexpected '${token.value}'`, token);
    const entry = (): readonly [Expression, Expression] => {
      const key = this.expression();
      this.expect('operator', ':');
      return [key, this.expression()];
    };
    return { type: 'Mapping', entries: this.#listed('}', entry) };
  }

  /** Items up to a bracket, a comma behind each but the last, and there if wanted. */
  #listed<Item>(end: string, item: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.is('operator', end)) {
      items.push(item());
      if (!this.is('operator', end)) this.expect('operator', ',');
    }
    this.next();
    return items;
  }

  #postfix(operand: Expression): Expression {
    let found = operand;
    for (;;) {
      if (this.skipIf('operator', '.')) found = this.#attribute(found);
      else if (this.skipIf('operator', '[')) found = this.#item(found);
      else if (this.is('operator', '(')) found = this.#call(found);
      else return found;
    }
  }

  #call(callee: Expression): Expression {
    if (callee.type === 'Name' && UNSUPPORTED_FUNCTIONS.has(callee.name)) {
      this.fail(`the function '${callee.name}' is not supported`);
    }
    return { type: 'Call', callee, args: this.arguments() };
  }

  #attribute(object: Expression): Expression {
    const token = this.next();
    if (token.type === 'integer')
      return { type: 'Item', object, key: { type: 'Literal', value: this.#integer(token) } };
    if (token.type !== 'name') this.fail('expected a name or a number behind the dot', token);
    const isCalled = this.is('operator', '(');
    if (token.value.startsWith('__') || (isCalled && UNSUPPORTED_METHODS.has(token.value))) {
      this.fail(`the ${isCalled ? 'method' : 'attribute'} '${token.value}' is not supported`, token);
    }
    return { type: 'Attribute', object, name: token.value };
  }

  #item(object: Expression): Expression {
    const bound = (): Expression | null =>
      this.is('operator', ':') || this.is('operator', ']') ? null : this.expression();
    const start = bound();
    if (start !== null && this.skipIf('operator', ']')) return { type: 'Item', object, key: start };
    if (this.is('operator', ',')) this.fail('several subscripts are not supported');
    this.expect('operator', ':');
    const stop = bound();
    const step = this.skipIf('operator', ':') ? bound() : null;
    this.expect('operator', ']');
    return { type: 'Slice', object, start, stop, step } satisfies Slice;
  }

  #filtersAndTests(operand: Expression): Expression {
    let found = operand;
    for (;;) {
      if (this.is('operator', '|')) found = this.filters(found);
      else if (this.is('name', 'is')) found = this.#test(found);
      else if (this.is('operator', '(')) found = this.#call(found);
      else return found;
    }
  }

  /** @param operand `null`: the filters of a block, whose first has no bar. */
  protected filters(operand: Expression | null): Filter {
    if (operand !== null) this.expect('operator', '|');
    const name = this.expect('name');
    if (!FILTERS.has(name.value)) this.fail(`the filter '${name.value}' is not supported`, name);
    const args = this.is('operator', '(') ? this.arguments() : NO_ARGUMENTS;
    this.#checkNamed(name, args);
    const filter: Filter = { type: 'Filter', operand, name: name.value, args };
    return this.is('operator', '|') ? this.filters(filter) : filter;
  }

  /** `map('upper')`, `select('odd')`: what the text names has to be there, too. */
  #checkNamed(filter: Token, { positional }: Arguments): void {
    const literal = (index: number | undefined): string | null => {
      const argument = index === undefined ? undefined : positional[index];
      return argument?.type === 'Literal' && typeof argument.value === 'string' ? argument.value : null;
    };
    const inner = literal(NAMES_FILTER.get(filter.value));
    if (inner !== null && !FILTERS.has(inner)) this.fail(`the filter '${inner}' is not supported`, filter);
    const test = literal(NAMES_TEST.get(filter.value));
    if (test !== null && !TESTS.has(test)) this.fail(`the test '${test}' is not supported`, filter);
  }

  #test(operand: Expression): Expression {
    this.next();
    const isNegated = this.skipIf('name', 'not');
    const token = this.expect('name');
    if (!TESTS.has(token.value)) this.fail(`the test '${token.value}' is not supported`, token);
    const test: Expression = { type: 'Test', operand, name: token.value, args: this.#testArguments() };
    return isNegated ? { type: 'Not', operand: test } : test;
  }

  #testArguments(): Arguments {
    const { type, value } = this.current;
    if (this.is('operator', '(')) return this.arguments();
    const isBracket = type === 'operator' && (value === '[' || value === '{');
    if (!isBracket && !ARGUMENT_TYPES.has(type)) return NO_ARGUMENTS;
    if (type === 'name' && ['else', 'or', 'and'].includes(value)) return NO_ARGUMENTS;
    if (this.is('name', 'is')) this.fail('tests cannot be chained with is');
    return { ...NO_ARGUMENTS, positional: [this.#postfix(this.primary())] };
  }

  protected arguments(): Arguments {
    this.expect('operator', '(');
    const given: GivenSoFar = { positional: [], keywords: [], rest: null, keywordRest: null };
    this.#listed(')', () => this.#argument(given));
    return given;
  }

  #argument(given: GivenSoFar): void {
    const token = this.current;
    const isFree = given.rest === null && given.keywordRest === null;
    if (this.skipIf('operator', '**')) {
      this.#expectArguments(given.keywordRest === null, token);
      given.keywordRest = this.expression();
    } else if (this.skipIf('operator', '*')) {
      this.#expectArguments(isFree, token);
      given.rest = this.expression();
    } else if (token.type === 'name' && this.is('operator', '=', 1)) {
      this.#expectArguments(given.keywordRest === null, token);
      this.next();
      this.next();
      given.keywords.push([token.value, this.expression()]);
    } else {
      this.#expectArguments(isFree && given.keywords.length === 0, token);
      given.positional.push(this.expression());
    }
  }

  #expectArguments(isInOrder: boolean, token: Token): void {
    if (!isInOrder) this.fail('invalid syntax for function call expression', token);
  }
}

/** Of jinja2: they remember what they were asked before, or write something else each time. */
const UNSUPPORTED_FUNCTIONS = new Set(['cycler', 'joiner', 'lipsum']);
/** Methods that Python's texts, mappings and numbers have, and values of templates here have not. */
const UNSUPPORTED_METHODS = new Set(
  'casefold encode expandtabs format_map isidentifier isprintable istitle maketrans translate fromkeys hex is_integer bit_length'.split(
    ' ',
  ),
);
