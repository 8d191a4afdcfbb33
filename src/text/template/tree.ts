/** Nodes of parsed chat templates, in the terms of jinja2's manual. */

import type { Value } from './values.ts';

export type Arguments = {
  readonly positional: readonly Expression[];
  readonly keywords: readonly (readonly [string, Expression])[];
  /** `*items` */
  readonly rest: Expression | null;
  /** `**entries` */
  readonly keywordRest: Expression | null;
};

export type Expression =
  | { readonly type: 'Literal'; readonly value: Value }
  | Name
  | { readonly type: 'Attribute'; readonly object: Expression; readonly name: string }
  | { readonly type: 'Item'; readonly object: Expression; readonly key: Expression }
  | Slice
  | Call
  | Filter
  | { readonly type: 'Test'; readonly operand: Expression; readonly name: string; readonly args: Arguments }
  | { readonly type: 'Not'; readonly operand: Expression }
  | { readonly type: 'Sign'; readonly sign: '+' | '-'; readonly operand: Expression }
  | {
      readonly type: 'Logic';
      readonly operator: 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    }
  | Comparison
  | {
      readonly type: 'Arithmetic';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly type: 'Concatenation'; readonly parts: readonly Expression[] }
  | {
      readonly type: 'Choice';
      readonly test: Expression;
      readonly value: Expression;
      readonly otherwise: Expression | null;
    }
  | { readonly type: 'List'; readonly items: readonly Expression[] }
  | { readonly type: 'Tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'Mapping'; readonly entries: readonly (readonly [Expression, Expression])[] };

export type Name = { readonly type: 'Name'; readonly name: string };
export type Slice = {
  readonly type: 'Slice';
  readonly object: Expression;
  readonly start: Expression | null;
  readonly stop: Expression | null;
  readonly step: Expression | null;
};
export type Call = { readonly type: 'Call'; readonly callee: Expression; readonly args: Arguments };
/** `operand`: `null` for the first filter of a block. */
export type Filter = {
  readonly type: 'Filter';
  readonly operand: Expression | null;
  readonly name: string;
  readonly args: Arguments;
};
/** `1 < x <= 5` compares twice. */
export type Comparison = {
  readonly type: 'Comparison';
  readonly first: Expression;
  readonly rest: readonly { readonly operator: string; readonly operand: Expression }[];
};

export type Target =
  | Name
  | { readonly type: 'NamespaceItem'; readonly name: string; readonly attribute: string }
  | { readonly type: 'Targets'; readonly items: readonly Target[] };

/** A macro, or the block that `{% call %}` gives to one. */
export type Macro = {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly fallback: Expression | null }[];
  readonly body: readonly Statement[];
  /** Every name in its body: it takes `varargs`, `kwargs` and `caller` where it looks at them. */
  readonly names: ReadonlySet<string>;
};

export type For = {
  readonly type: 'For';
  readonly target: Target;
  readonly iterable: Expression;
  readonly test: Expression | null;
  readonly body: readonly Statement[];
  readonly otherwise: readonly Statement[];
};

export type Statement =
  | { readonly type: 'Text'; readonly text: string }
  | { readonly type: 'Output'; readonly expression: Expression }
  | {
      readonly type: 'If';
      readonly branches: readonly { readonly test: Expression; readonly body: readonly Statement[] }[];
      readonly otherwise: readonly Statement[];
    }
  | For
  | { readonly type: 'Set'; readonly target: Target; readonly value: Expression }
  | {
      readonly type: 'SetBlock';
      readonly target: Target;
      readonly filter: Filter | null;
      readonly body: readonly Statement[];
    }
  | { readonly type: 'Macro'; readonly macro: Macro }
  | { readonly type: 'CallBlock'; readonly caller: Macro; readonly call: Call }
  | { readonly type: 'FilterBlock'; readonly filter: Filter; readonly body: readonly Statement[] }
  | {
      readonly type: 'With';
      readonly bindings: readonly { readonly target: Target; readonly value: Expression }[];
      readonly body: readonly Statement[];
    }
  | { readonly type: 'Break' }
  | { readonly type: 'Continue' };

export type Program = readonly Statement[];
