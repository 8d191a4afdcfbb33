/**
 * Runs parsed chat templates: the template library's interpreter, in the environment that transformers gives a template, and
 * with blocks, loops and operators that do what they do in jinja2. In the library's own a turn of a loop loses what it has
 * written when it is left, and shares its variables with those that follow; and its own environment cannot be had without
 * `strftime_now`, which looks at the machine's clock.
 */

import {
  ArrayValue,
  Environment,
  FALSE,
  IntegerValue,
  Interpreter,
  itemsOf,
  NONE,
  ObjectValue,
  type Program,
  type Statement,
  StringValue,
  TRUE,
  UNDEFINED,
  type Value,
} from './template-library.ts';
import { OPERATORS } from './template-operators.ts';
import { type Comprehension, givenName, ITEM } from './template-selection.ts';
import type { Name } from './template-tree.ts';

type If = Statement & {
  readonly test: Statement;
  readonly body: Statement[];
  readonly alternate: Statement[];
};
type For = Statement & {
  readonly loopvar: Name | (Statement & { readonly value: Name[] });
  /** `x in items if test` is parsed as a choice that has no `else`. */
  readonly iterable: Statement & { readonly lhs?: Statement; readonly test?: Statement };
  readonly body: Statement[];
  readonly defaultBlock: Statement[];
};
type Operation = Statement & {
  readonly operator: { readonly value: string };
  readonly left: Statement;
  readonly right: Statement;
};
/** A turn that a loop makes. */
type Turn = { readonly item: Value; readonly scope: Environment };

/** As many as the sandbox of jinja2 lets a template have. */
const RANGE_MAX = 100_000;

const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  range,
};

/**
 * @param variables none of them is called as what the environment holds already.
 * @returns the text. @throws Error the template's own, or what the interpreter stumbles over.
 */
export function renderTemplate(program: Program, variables: Readonly<Record<string, unknown>>): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...variables, ...GLOBALS })) environment.set(name, value);
  return new ChatInterpreter(environment).run(program).toString();
}

/** Python's `range`. */
function range(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (![start, stop, step].every(Number.isInteger) || step === 0)
    throw new Error('range wants whole numbers');
  if (length > RANGE_MAX) throw new Error(`a range longer than ${RANGE_MAX}`);
  return Array.from({ length }, (_, index) => start + index * step);
}

/** Whether a `break` or `continue` stands where no loop can be left: outside of one, or in a block with its own text. */
export function hasStrayJump(statements: readonly Statement[], inLoop = false): boolean {
  return statements.some((statement) => {
    if (statement.type === 'Break' || statement.type === 'Continue') return !inLoop;
    const { type, body = [], alternate = [], defaultBlock = [] } = statement as Partial<If & For>;
    const bodyInLoop = type === 'For' || (type === 'If' && inLoop);
    return hasStrayJump(body, bodyInLoop) || hasStrayJump([...alternate, ...defaultBlock], inLoop);
  });
}

/** For templates without stray jumps. */
class ChatInterpreter extends Interpreter {
  /** Set from where a turn of a loop is left until the loop knows. */
  #jump: 'Break' | 'Continue' | null = null;

  override evaluate(statement: Statement | undefined, environment: Environment): Value {
    switch (statement?.type) {
      case 'For':
        return this.#loop(statement as For, environment);
      case 'If':
        return this.#choose(statement as If, environment);
      case 'BinaryExpression':
        return this.#operate(statement as Operation, environment);
      case 'Comprehension':
        return this.#collect(statement as Comprehension, environment);
      case 'Break':
      case 'Continue':
        this.#jump = statement.type;
        return NONE;
      default:
        return super.evaluate(statement, environment);
    }
  }

  #operate(operation: Operation, environment: Environment): Value {
    const operator = OPERATORS.get(operation.operator.value);
    if (operator === undefined) return super.evaluate(operation, environment);
    return operator(this.evaluate(operation.left, environment), this.evaluate(operation.right, environment));
  }

  #collect({ iterable, given, condition, result }: Comprehension, environment: Environment): Value {
    const source = this.evaluate(iterable, environment);
    const scope = new Environment(environment);
    for (const [index, each] of given.entries()) {
      scope.setVariable(givenName(index), this.evaluate(each, environment));
    }
    const results: Value[] = [];
    for (const item of source.__bool__().value ? itemsOf(source) : []) {
      scope.setVariable(ITEM, item);
      if (condition !== null && !this.evaluate(condition, scope).__bool__().value) continue;
      results.push(this.evaluate(result, scope));
    }
    return new ArrayValue(results);
  }

  #choose({ test, body, alternate }: If, environment: Environment): Value {
    const chosen = this.evaluate(test, environment).__bool__().value ? body : alternate;
    return new StringValue(this.#block(chosen, environment));
  }

  /** What the block writes until a jump. */
  #block(statements: readonly Statement[], environment: Environment): string {
    let text = '';
    for (const statement of statements) {
      const value = this.evaluate(statement, environment);
      if (value.type !== 'NullValue' && value.type !== 'UndefinedValue') text += value.toString();
      if (this.#jump !== null) break;
    }
    return text;
  }

  /** Its `else` is for where no turn came to its end, which is not what the language's manual says. */
  #loop(loop: For, environment: Environment): Value {
    const turns = this.#turns(loop, environment);
    let text = '';
    let isElse = true;
    for (const [index, { scope }] of turns.entries()) {
      scope.setVariable('loop', loopVariable(turns, index));
      text += this.#block(loop.body, scope);
      const jump = this.#jump;
      this.#jump = null;
      if (jump === null) isElse = false;
      if (jump === 'Break') break;
    }
    if (isElse) text += this.#block(loop.defaultBlock, new Environment(environment));
    return new StringValue(text);
  }

  /** Each has a scope of its own. */
  #turns({ loopvar, iterable }: For, environment: Environment): Turn[] {
    const { lhs, test } =
      iterable.type === 'SelectExpression' ? iterable : { lhs: iterable, test: undefined };
    const turns: Turn[] = [];
    for (const item of itemsOf(this.evaluate(lhs, environment))) {
      const scope = new Environment(environment);
      bind(scope, loopvar, item);
      if (test === undefined || this.evaluate(test, scope).__bool__().value) turns.push({ item, scope });
    }
    return turns;
  }
}

function bind(scope: Environment, target: For['loopvar'], item: Value): void {
  if (typeof target.value === 'string') {
    scope.setVariable(target.value, item);
    return;
  }
  const items = itemsOf(item);
  if (items.length !== target.value.length) {
    throw new Error(`a loop wants ${target.value.length} values in each item, one has ${items.length}`);
  }
  for (const [index, name] of target.value.entries()) scope.setVariable(name.value, items[index]!);
}

function loopVariable(turns: readonly Turn[], index: number): Value {
  const { length } = turns;
  return new ObjectValue(
    new Map([
      ['index', new IntegerValue(index + 1)],
      ['index0', new IntegerValue(index)],
      ['revindex', new IntegerValue(length - index)],
      ['revindex0', new IntegerValue(length - index - 1)],
      ['first', index === 0 ? TRUE : FALSE],
      ['last', index === length - 1 ? TRUE : FALSE],
      ['length', new IntegerValue(length)],
      ['previtem', turns[index - 1]?.item ?? UNDEFINED],
      ['nextitem', turns[index + 1]?.item ?? UNDEFINED],
    ]),
  );
}
