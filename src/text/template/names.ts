/**
 * Which names a parsed chat template looks up outside of itself, and which fields of what it finds there. One walk over its
 * nodes, in the order in which the interpreter runs them; every branch may be the one that is taken.
 */

import type { Arguments, Expression, For, Macro, Program, Statement, Target } from './tree.ts';

export type TemplateNames = {
  /** Variables that can make a difference: they are read where the template need not have set them itself. */
  readonly variables: ReadonlySet<string>;
  /** Names of attributes, and texts that stand where keys do; not those of the parts of a content. */
  readonly fields: ReadonlySet<string>;
};

export function namesReadBy(program: Program): TemplateNames {
  const fields = new Set<string>();
  const reader = new NameReader(fields);
  reader.block(program, frameOf(new Map(), null));
  return { variables: reader.unbound, fields };
}

type Binding = {
  /** Whether every way to here binds the name. */
  readonly isCertain: boolean;
  /** What a macro of that name looks up around its definition, whenever it is called. */
  readonly reads: ReadonlySet<string>;
  /** It is a part of a content, whose fields are its own: Mistral's templates know parts with thoughts. */
  readonly isPart: boolean;
};

/** As the interpreter's scope. */
type Frame = {
  readonly bindings: Map<string, Binding>;
  readonly parent: Frame | null;
  /** Nothing that comes later in it is run: a loop goes on, or the template refuses. */
  isLeft: boolean;
};

const A_VALUE: Binding = { isCertain: true, reads: new Set(), isPart: false };
const A_PART: Binding = { ...A_VALUE, isPart: true };

class NameReader {
  readonly unbound = new Set<string>();
  readonly #fields: Set<string>;

  constructor(fields: Set<string>) {
    this.#fields = fields;
  }

  block(statements: readonly Statement[], frame: Frame): void {
    for (const statement of statements) this.#statement(statement, frame);
  }

  #statement(statement: Statement, frame: Frame): void {
    switch (statement.type) {
      case 'Text':
        return;
      case 'Break':
      case 'Continue':
        frame.isLeft = true;
        return;
      case 'Output':
        this.#expression(statement.expression, frame);
        if (isRefusal(statement.expression)) frame.isLeft = true;
        return;
      case 'If':
        this.#if(statement, frame);
        return;
      case 'For':
        this.#for(statement, frame);
        return;
      case 'Set':
        this.#expression(statement.value, frame);
        this.#bind(statement.target, frame);
        return;
      case 'SetBlock':
        this.block(statement.body, inside(frame));
        if (statement.filter !== null) this.#expression(statement.filter, frame);
        this.#bind(statement.target, frame);
        return;
      case 'Macro':
        frame.bindings.set(statement.macro.name, { ...A_VALUE, reads: this.#macro(statement.macro) });
        return;
      case 'CallBlock':
        this.#expression(statement.call, frame);
        for (const name of this.#macro(statement.caller)) this.#read(name, frame);
        return;
      case 'FilterBlock':
        this.block(statement.body, inside(frame));
        this.#expression(statement.filter, frame);
        return;
      case 'With':
        this.#with(statement, frame);
        return;
    }
  }

  #if({ branches, otherwise }: Extract<Statement, { type: 'If' }>, frame: Frame): void {
    const ends: Frame[] = [];
    const branch = (body: readonly Statement[]): void => {
      const end = frameOf(new Map(frame.bindings), frame.parent);
      this.block(body, end);
      if (!end.isLeft) ends.push(end);
    };
    for (const { test, body } of branches) {
      this.#expression(test, frame);
      branch(body);
    }
    branch(otherwise);
    frame.isLeft ||= ends.length === 0;
    for (const name of new Set(ends.flatMap(({ bindings }) => [...bindings.keys()]))) {
      const bound = ends.map(({ bindings }) => bindings.get(name));
      frame.bindings.set(name, {
        isCertain: bound.every((binding) => binding?.isCertain === true),
        reads: new Set(bound.flatMap((binding) => [...(binding?.reads ?? [])])),
        isPart: bound.every((binding) => binding?.isPart === true),
      });
    }
  }

  #for({ target, iterable, test, body, otherwise }: For, frame: Frame): void {
    this.#expression(iterable, frame);
    const turn = inside(frame);
    this.#bind(target, turn, isContent(iterable) ? A_PART : A_VALUE);
    if (test !== null) this.#expression(test, turn);
    turn.bindings.set('loop', A_VALUE);
    this.block(body, turn);
    this.block(otherwise, inside(frame));
  }

  #with({ bindings, body }: Extract<Statement, { type: 'With' }>, frame: Frame): void {
    const inner = inside(frame);
    for (const { value } of bindings) this.#expression(value, frame);
    for (const { target } of bindings) this.#bind(target, inner);
    this.block(body, inner);
  }

  /** @returns what it looks up around its definition: what that is tells whoever calls it, and when. */
  #macro({ parameters, body }: Macro): ReadonlySet<string> {
    const reader = new NameReader(this.#fields);
    const names = ['caller', 'varargs', 'kwargs', ...parameters.map(({ name }) => name)];
    const frame = frameOf(new Map(names.map((name) => [name, A_VALUE])), null);
    for (const { fallback } of parameters) if (fallback !== null) reader.#expression(fallback, frame);
    reader.block(body, frame);
    return reader.unbound;
  }

  #bind(target: Target, frame: Frame, binding = A_VALUE): void {
    if (target.type === 'Name') frame.bindings.set(target.name, binding);
    else if (target.type === 'NamespaceItem') this.#read(target.name, frame);
    else for (const item of target.items) this.#bind(item, frame);
  }

  #expression(expression: Expression, frame: Frame): void {
    if (expression.type === 'Name') this.#read(expression.name, frame);
    if (!isPart(askedOf(expression), frame))
      for (const field of fieldsOf(expression)) this.#fields.add(field);
    for (const part of partsOf(expression)) if (part !== null) this.#expression(part, frame);
  }

  /** Whoever looks at a macro may call it. @param followed macros that this look has come to. */
  #read(name: string, frame: Frame, followed = new Set<Binding>()): void {
    for (let at: Frame | null = frame; at !== null; at = at.parent) {
      const binding = at.bindings.get(name);
      if (binding === undefined) continue;
      if (!followed.has(binding)) {
        followed.add(binding);
        for (const inner of binding.reads) this.#read(inner, at, followed);
      }
      if (binding.isCertain) return;
    }
    this.unbound.add(name);
  }
}

function frameOf(bindings: Map<string, Binding>, parent: Frame | null): Frame {
  return { bindings, parent, isLeft: false };
}

function inside(parent: Frame): Frame {
  return frameOf(new Map(), parent);
}

function isRefusal(output: Expression): boolean {
  return output.type === 'Call' && output.callee.type === 'Name' && output.callee.name === 'raise_exception';
}

/** Of `message.content` and `message['content']`, and what macros call so. */
function isContent(expression: Expression): boolean {
  switch (expression.type) {
    case 'Name':
    case 'Attribute':
      return expression.name === 'content';
    case 'Item':
      return expression.key.type === 'Literal' && expression.key.value === 'content';
    default:
      return false;
  }
}

function isPart(asked: Expression | null, frame: Frame): boolean {
  if (asked?.type !== 'Name') return false;
  for (let at: Frame | null = frame; at !== null; at = at.parent) {
    const binding = at.bindings.get(asked.name);
    if (binding !== undefined) return binding.isPart;
  }
  return false;
}

/** Whose fields it names, if that can be told. */
function askedOf(expression: Expression): Expression | null {
  switch (expression.type) {
    case 'Attribute':
    case 'Item':
      return expression.object;
    case 'Call':
      return expression.callee.type === 'Attribute' ? expression.callee.object : null;
    case 'Comparison':
      return expression.rest.length === 1 ? expression.rest[0]!.operand : null;
    default:
      return null;
  }
}

function fieldsOf(expression: Expression): readonly string[] {
  if (expression.type === 'Attribute') return [expression.name];
  return keysOf(expression).flatMap((key) => (key?.type === 'Literal' ? [String(key.value)] : []));
}

/** Of `message['key']`, `message.get('key')`, `messages | map(attribute='key')` and `'key' in message`. */
function keysOf(expression: Expression): readonly (Expression | null)[] {
  switch (expression.type) {
    case 'Item':
      return [expression.key];
    case 'Call':
      return expression.callee.type === 'Attribute' ? expression.args.positional : [];
    case 'Filter':
      return argumentsOf(expression.args);
    case 'Comparison':
      return expression.rest.some(({ operator }) => /\bin$/.test(operator)) ? [expression.first] : [];
    default:
      return [];
  }
}

function partsOf(expression: Expression): readonly (Expression | null)[] {
  switch (expression.type) {
    case 'Literal':
    case 'Name':
      return [];
    case 'Attribute':
      return [expression.object];
    case 'Item':
      return [expression.object, expression.key];
    case 'Slice':
      return [expression.object, expression.start, expression.stop, expression.step];
    case 'Call':
      return [expression.callee, ...argumentsOf(expression.args)];
    case 'Filter':
    case 'Test':
      return [expression.operand, ...argumentsOf(expression.args)];
    case 'Not':
    case 'Sign':
      return [expression.operand];
    case 'Logic':
    case 'Arithmetic':
      return [expression.left, expression.right];
    case 'Comparison':
      return [expression.first, ...expression.rest.map(({ operand }) => operand)];
    case 'Concatenation':
      return expression.parts;
    case 'Choice':
      return [expression.test, expression.value, expression.otherwise];
    case 'List':
    case 'Tuple':
      return expression.items;
    case 'Mapping':
      return expression.entries.flat();
  }
}

function argumentsOf({ positional, keywords, rest, keywordRest }: Arguments): readonly (Expression | null)[] {
  return [...positional, ...keywords.map(([, value]) => value), rest, keywordRest];
}
