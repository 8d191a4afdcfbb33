/**
 * Runs parsed chat templates as jinja2 does in the environment that transformers gives them, within bounds: a template
 * that goes on for too long, or writes too much, raises an error.
 */

import { TEMPLATE_CALL_DEPTH_MAX, TEMPLATE_RANGE_MAX } from '../../base/limits.ts';
import { type Builtin, builtins, callable } from './builtins.ts';
import { Evaluator } from './evaluator.ts';
import { boundedText, isEqual } from './operators.ts';
import { Scope } from './scope.ts';
import type { Expression, For, Macro, Program, Statement, Target } from './tree.ts';
import {
  type Callable,
  foundOr,
  integerOf,
  isMapping,
  isTrue,
  itemsOf,
  Loop,
  Namespace,
  Range,
  Tuple,
  textOf,
  type Value,
  valueOfPlain,
} from './values.ts';

/** What a turn of a loop takes beside its statements: its scope and its variables. */
const TURN_STEPS = 4;

const FUNCTIONS = builtins<Value>({
  'raise_exception message': (_, message) => {
    throw new Error(textOf(message!));
  },
  'range start stop? step?': (_, start, stop, step = 1) =>
    stop === undefined
      ? range(0, integerOf(start!), 1)
      : range(integerOf(start!), integerOf(stop), integerOf(step)),
});

const GLOBALS: readonly (readonly [string, Callable])[] = [
  ...FUNCTIONS.map(([name, described]) => [name, callable(name, described)] as const),
  ['namespace', (positional, keywords) => new Namespace(new Map(namedValues(positional, keywords)))],
  ['dict', (positional, keywords) => new Map(namedValues(positional, keywords))],
];

/** What every template finds, whatever it is given. */
export const GLOBAL_NAMES: readonly string[] = GLOBALS.map(([name]) => name);

/** @returns a function for templates, which call it by this name. */
export function textFunction(name: string, run: (text: string) => string): Callable {
  const described: Builtin<Value> = { parameters: ['text'], run: (_, text) => run(textOf(text!)) };
  return callable(name, described);
}

/**
 * @param variables plain values and `Callable`s; none of them is called as what the language has itself.
 * @returns the text. @throws Error the template's own, or what the interpreter stumbles over.
 */
export function renderTemplate(program: Program, variables: Readonly<Record<string, unknown>>): string {
  const globals = new Scope(null);
  for (const [name, value] of GLOBALS) globals.set(name, value);
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) globals.set(name, valueOfPlain(value));
  }
  return new Interpreter().run(program, globals);
}

function namedValues(
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): readonly [string, Value][] {
  const [first, ...others] = positional;
  if (others.length > 0) throw new Error(`expected at most 1 argument, got ${positional.length}`);
  const pairs = first === undefined ? [] : isMapping(first) ? [...first] : itemsOf(first).map(itemsOf);
  const entries = pairs.map(([key, value]): [string, Value] => {
    if (typeof key !== 'string' || value === undefined) throw new Error('names and values are wanted');
    return [key, value];
  });
  return [...entries, ...keywords];
}

/** Python's `range`. */
function range(start: number, stop: number, step: number): Range {
  if (step === 0) throw new Error('range() arg 3 must not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > TEMPLATE_RANGE_MAX) throw new Error(`a range longer than ${TEMPLATE_RANGE_MAX}`);
  const items = Array.from({ length }, (_, index) => start + index * step);
  return new Range(items, `range(${start}, ${stop}${step === 1 ? '' : `, ${step}`})`);
}

class Interpreter extends Evaluator {
  /** Set from where a turn of a loop is left until the loop knows. */
  #jump: 'Break' | 'Continue' | null = null;
  #depth = 0;

  run(program: Program, globals: Scope): string {
    return this.#block(program, new Scope(globals));
  }

  /** What the block writes until a jump. */
  #block(statements: readonly Statement[], scope: Scope): string {
    let text = '';
    for (const statement of statements) {
      this.spend(1);
      text += this.#execute(statement, scope);
      if (this.#jump !== null) break;
    }
    return boundedText(text);
  }

  /** @returns what it writes. */
  #execute(statement: Statement, scope: Scope): string {
    switch (statement.type) {
      case 'Text':
        return statement.text;
      case 'Output':
        return textOf(this.evaluate(statement.expression, scope));
      case 'If': {
        const chosen = statement.branches.find(({ test }) => isTrue(this.evaluate(test, scope)));
        return this.#block(chosen?.body ?? statement.otherwise, scope);
      }
      case 'For':
        return this.#loop(statement, scope);
      case 'Set':
        assign(scope, statement.target, this.evaluate(statement.value, scope));
        return '';
      case 'SetBlock': {
        const text = this.#block(statement.body, new Scope(scope));
        const value = statement.filter === null ? text : this.filtered(statement.filter, text, scope);
        assign(scope, statement.target, value);
        return '';
      }
      case 'Macro':
        scope.set(statement.macro.name, this.#macro(statement.macro, scope));
        return '';
      case 'CallBlock': {
        const call = { ...statement.call, caller: this.#macro(statement.caller, scope) };
        return textOf(this.#callWith(call.callee, call, scope));
      }
      case 'FilterBlock':
        return textOf(this.filtered(statement.filter, this.#block(statement.body, new Scope(scope)), scope));
      case 'With':
        return this.#with(statement, scope);
      case 'Break':
      case 'Continue':
        this.#jump = statement.type;
        return '';
    }
  }

  #callWith(
    callee: Expression,
    {
      args,
      caller,
    }: { readonly args: Extract<Expression, { type: 'Call' }>['args']; readonly caller: Callable },
    scope: Scope,
  ): Value {
    const inner = new Scope(scope);
    inner.set(CALLER, caller);
    const keywords = [...args.keywords, ['caller', { type: 'Name', name: CALLER }] as const];
    return this.evaluate({ type: 'Call', callee, args: { ...args, keywords } }, inner);
  }

  #with({ bindings, body }: Extract<Statement, { type: 'With' }>, scope: Scope): string {
    const inner = new Scope(scope);
    const values = bindings.map(({ value }) => this.evaluate(value, scope));
    for (const [index, { target }] of bindings.entries()) assign(inner, target, values[index]!);
    return this.#block(body, inner);
  }

  /**
   * Each turn has a scope of its own. `else` is for where no turn came to its end, which is not what the language's
   * manual says.
   */
  #loop(loop: For, scope: Scope): string {
    const items = this.#items(loop, scope);
    const seen: Value[][] = [];
    let text = '';
    let isElse = true;
    for (const [index, item] of items.entries()) {
      this.spend(TURN_STEPS);
      const inner = new Scope(scope);
      assign(inner, loop.target, item);
      inner.set('loop', new Loop((name) => LOOP_VALUES.get(name)?.({ items, index, seen })));
      text += this.#block(loop.body, inner);
      const jump = this.#jump;
      this.#jump = null;
      if (jump === null) isElse = false;
      if (jump === 'Break') break;
    }
    if (isElse) text += this.#block(loop.otherwise, new Scope(scope));
    return text;
  }

  #items({ target, iterable, test }: For, scope: Scope): readonly Value[] {
    const items = itemsOf(this.evaluate(iterable, scope));
    if (test === null) return items;
    return items.filter((item) => {
      this.spend(TURN_STEPS);
      const inner = new Scope(scope);
      assign(inner, target, item);
      return isTrue(this.evaluate(test, inner));
    });
  }

  /** It sees what is around its definition, and nothing of where it is called. */
  #macro(macro: Macro, scope: Scope): Callable {
    return (positional, keywords) => {
      const inner = new Scope(scope);
      if (this.#depth >= TEMPLATE_CALL_DEPTH_MAX) {
        throw new Error(`macros call each other more than ${TEMPLATE_CALL_DEPTH_MAX} deep`);
      }
      this.#depth++;
      this.#bind(macro, positional, keywords, inner);
      const text = this.#block(macro.body, inner);
      this.#depth--;
      return text;
    };
  }

  #bind(
    { name, parameters, names }: Macro,
    positional: readonly Value[],
    keywords: ReadonlyMap<string, Value>,
    scope: Scope,
  ): void {
    const left = new Map(keywords);
    const caller = left.get('caller');
    if (names.has('caller')) {
      left.delete('caller');
      scope.set('caller', foundOr(caller, 'No caller defined'));
    }
    const given = parameters.map((parameter, index) => {
      if (index < positional.length) return positional[index];
      const value = left.get(parameter.name);
      left.delete(parameter.name);
      return value;
    });
    for (const [index, parameter] of parameters.entries()) {
      scope.set(parameter.name, foundOr(given[index], `parameter '${parameter.name}' was not provided`));
    }
    for (const [index, { name: parameter, fallback }] of parameters.entries()) {
      if (given[index] === undefined && fallback !== null)
        scope.set(parameter, this.evaluate(fallback, scope));
    }
    bindRest({ name, parameters, names }, positional, left, scope);
  }
}

/** No name of a template has a blank in it. */
const CALLER = 'caller of a block';

function bindRest(
  { name, parameters, names }: Pick<Macro, 'name' | 'parameters' | 'names'>,
  positional: readonly Value[],
  left: ReadonlyMap<string, Value>,
  scope: Scope,
): void {
  if (names.has('kwargs')) scope.set('kwargs', new Map(left));
  else if (left.size > 0) {
    throw new Error(`macro '${name}' takes no keyword argument '${left.keys().next().value}'`);
  }
  if (names.has('varargs')) scope.set('varargs', new Tuple(positional.slice(parameters.length)));
  else if (positional.length > parameters.length) {
    throw new Error(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
  }
}

function assign(scope: Scope, target: Target, value: Value): void {
  switch (target.type) {
    case 'Name':
      scope.set(target.name, value);
      return;
    case 'NamespaceItem': {
      const namespace = scope.get(target.name);
      if (!(namespace instanceof Namespace)) {
        throw new Error('cannot assign attribute on non-namespace object');
      }
      namespace.values.set(target.attribute, value);
      return;
    }
    case 'Targets': {
      const items = itemsOf(value);
      const wanted = target.items.length;
      if (items.length > wanted) throw new Error(`too many values to unpack (expected ${wanted})`);
      if (items.length < wanted) {
        throw new Error(`not enough values to unpack (expected ${wanted}, got ${items.length})`);
      }
      for (const [index, each] of target.items.entries()) assign(scope, each, items[index]!);
    }
  }
}

type LoopState = {
  readonly items: readonly Value[];
  readonly index: number;
  /** What `loop.changed` was given last, kept from turn to turn. */
  readonly seen: Value[][];
};

const LOOP_VALUES: ReadonlyMap<string, (state: LoopState) => Value> = new Map([
  ['index', ({ index }) => index + 1],
  ['index0', ({ index }) => index],
  ['revindex', ({ index, items }) => items.length - index],
  ['revindex0', ({ index, items }) => items.length - index - 1],
  ['first', ({ index }) => index === 0],
  ['last', ({ index, items }) => index === items.length - 1],
  ['length', ({ items }) => items.length],
  ['depth', () => 1],
  ['depth0', () => 0],
  ['previtem', ({ index, items }) => foundOr(items[index - 1], 'there is no previous item')],
  ['nextitem', ({ index, items }) => foundOr(items[index + 1], 'there is no next item')],
  ['cycle', cycle],
  ['changed', changed],
] satisfies [string, (state: LoopState) => Value][]);

function cycle({ index }: LoopState): Callable {
  return (items) => {
    if (items.length === 0) throw new Error('no items for cycling given');
    return items[index % items.length]!;
  };
}

function changed({ seen }: LoopState): Callable {
  return (values) => {
    const last = seen.pop();
    seen.push([...values]);
    return last === undefined || !isEqual(last, values);
  };
}
