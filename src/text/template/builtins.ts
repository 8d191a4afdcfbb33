/** How filters, tests, methods and functions of chat templates are described, and given their arguments. */

import type { Callable, Value } from './values.ts';

export type Builtin<Result> = {
  /** `width?` may be left out; `*` takes what is left, by place. */
  readonly parameters: readonly string[];
  /** @param given in the order of the parameters. `undefined`: left out. */
  readonly run: (value: Value, ...given: (Value | undefined)[]) => Result;
};

/** @throws Error where Python does. */
export type Filter = (
  value: Value,
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
) => Value;

/** @param table by name, with the parameters behind it: `'indent width? first? blank?'`. */
export function builtins<Result>(
  table: Readonly<Record<string, Builtin<Result>['run']>>,
): [string, Builtin<Result>][] {
  return Object.entries(table).map(([signature, run]) => {
    const [name = '', ...parameters] = signature.split(' ');
    return [name, { parameters, run }];
  });
}

/** @returns what is given for each of the parameters. @throws Error where too much or too little is. */
export function bound(
  name: string,
  parameters: readonly string[],
  positional: readonly Value[],
  keywords: ReadonlyMap<string, Value>,
): (Value | undefined)[] {
  const takesRest = parameters.at(-1) === '*';
  const named = (takesRest ? parameters.slice(0, -1) : parameters).map((each) => each.replace('?', ''));
  if (!takesRest && positional.length > named.length) {
    throw new Error(`${name}() takes at most ${named.length} arguments, ${positional.length} are given`);
  }
  for (const keyword of keywords.keys()) {
    const at = named.indexOf(keyword);
    if (at === -1) throw new Error(`${name}() got an unexpected keyword argument '${keyword}'`);
    if (at < positional.length) throw new Error(`${name}() got multiple values for argument '${keyword}'`);
  }
  const given = named.map((each, index) =>
    index < positional.length ? positional[index] : keywords.get(each),
  );
  const missing = named.find((_, index) => given[index] === undefined && !parameters[index]!.endsWith('?'));
  if (missing !== undefined) throw new Error(`${name}() missing a required argument: '${missing}'`);
  return [...given, ...positional.slice(named.length)];
}

/** @returns the function that a template calls by this name. */
export function callable(name: string, { parameters, run }: Builtin<Value>, self: Value = null): Callable {
  return (positional, keywords) => run(self, ...bound(name, parameters, positional, keywords));
}
