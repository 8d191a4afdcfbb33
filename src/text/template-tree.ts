/** Nodes of parsed chat templates: how those are made that the parser would make of a text. */

import type { Statement } from './template-library.ts';

export type Name = Statement & { readonly value: string };

/** A variable, and the name of a test or a filter. */
export function named(value: string): Name {
  return { type: 'Identifier', value } as Name;
}

export function textLiteral(value: string): Statement {
  return { type: 'StringLiteral', value } as Name;
}

/** @returns what a literal text says; `null` for other nodes. */
export function textOf(node: Statement | undefined): string | null {
  return node?.type === 'StringLiteral' ? (node as Name).value : null;
}

export function operation(operator: string, left: Statement, right: Statement): Statement {
  return node({
    type: 'BinaryExpression',
    operator: { type: 'BinaryOperator', value: operator },
    left,
    right,
  });
}

export function not(argument: Statement): Statement {
  return node({ type: 'UnaryExpression', operator: { type: 'UnaryOperator', value: 'not' }, argument });
}

/** `operand is test` */
export function tested(operand: Statement, test: string): Statement {
  return node({ type: 'TestExpression', operand, negate: false, test: named(test) });
}

/** `callee(…)` */
export function called(callee: string, args: readonly Statement[]): Statement {
  return node({ type: 'CallExpression', callee: named(callee), args });
}

/** `operand | filter` or `operand | filter(…)` */
export function filtered(operand: Statement, filter: string, args: readonly Statement[]): Statement {
  return node({
    type: 'FilterExpression',
    operand,
    filter: args.length === 0 ? named(filter) : called(filter, args),
  });
}

/** `object[property]` */
export function member(object: Statement, property: Statement): Statement {
  return node({ type: 'MemberExpression', object, property, computed: true });
}

/** The operand, or `other` where it is not defined. Only names and places in objects may not be: they are looked up twice. */
export function whereDefined(operand: Statement, other: Statement): Statement {
  if (operand.type !== 'Identifier' && operand.type !== 'MemberExpression') return operand;
  return node({
    type: 'Ternary',
    condition: tested(operand, 'defined'),
    trueExpr: operand,
    falseExpr: other,
  });
}

function node<Made extends Statement>(made: Made): Made {
  return made;
}
