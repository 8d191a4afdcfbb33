/**
 * What is used of the template library, with types: its own declarations cannot be read with Node's module resolution, and
 * the classes of its values it does not export.
 */

import * as library from '@huggingface/jinja';

/** A node of a parsed template. */
export type Statement = { readonly type: string };
export type Program = Statement & { readonly body: Statement[] };

/** A value of a template while it runs. What `none` holds is `undefined`, too. */
export type Value = {
  readonly type: string;
  readonly value: unknown;
  /** Whether it is true to Python. */
  __bool__(): { readonly value: boolean };
  toString(): string;
};

/** The variables of a block; those of its parent are seen in it. */
export type Environment = {
  /** A new variable, of a plain value. */
  set(name: string, plain: unknown): Value;
  setVariable(name: string, value: Value): Value;
};
export const Environment = library.Environment as new (parent?: Environment) => Environment;

export type Interpreter = {
  run(program: Program): Value;
  evaluate(statement: Statement | undefined, environment: Environment): Value;
};
export const Interpreter = library.Interpreter as new (environment: Environment) => Interpreter;

/** @throws Error when it cannot. */
export function parseTemplate(source: string): Program {
  return new library.Template(source).parsed as Program;
}

function valueOfPlain(plain: unknown): Value {
  return new Environment().set('value', plain);
}

type ValueClass<Held> = new (held: Held) => Value;

export const IntegerValue = valueOfPlain(0).constructor as ValueClass<number>;
export const FloatValue = valueOfPlain(0.5).constructor as ValueClass<number>;
export const StringValue = valueOfPlain('').constructor as ValueClass<string>;
export const ObjectValue = valueOfPlain({}).constructor as ValueClass<ReadonlyMap<string, Value>>;
export const ArrayValue = valueOfPlain([]).constructor as ValueClass<readonly Value[]>;
export const NONE = valueOfPlain(null);
export const UNDEFINED = valueOfPlain(undefined);
export const TRUE = valueOfPlain(true);
export const FALSE = valueOfPlain(false);

/** What a loop over the value meets; over what is not defined, nothing. @throws Error where Python has no loop. */
export function itemsOf(value: Value): readonly Value[] {
  if (value.type === 'UndefinedValue') return [];
  const held = value.value;
  if (Array.isArray(held)) return held as Value[];
  if (typeof held === 'string') return [...held].map((character) => new StringValue(character));
  if (held instanceof Map && value.type !== 'NamespaceValue') {
    return [...(held as Map<string, Value>).keys()].map((key) => new StringValue(key));
  }
  throw new Error(`${value.type} is not iterable`);
}
