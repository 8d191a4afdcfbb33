/**
 * Runs parsed chat templates by the template library's interpreter, in the environment that transformers gives a template. The
 * library's own cannot be had without its `strftime_now`, which looks at the machine's clock.
 */

import { Environment, Interpreter } from '@huggingface/jinja';

export type Program = Parameters<Interpreter['run']>[0];

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
  return new Interpreter(environment).run(program).toString();
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
