/** Text of a chat template -> statements. What is not known here is refused, with its line. */

import { CONSTANTS, ExpressionParser } from './expressions.ts';
import { type Token, tokenize } from './lexer.ts';
import type { Expression, Filter, Macro, Program, Statement, Target } from './tree.ts';

/** @throws TemplateSyntaxError */
export function parseTemplate(source: string): Program {
  return new TemplateParser(tokenize(source)).program();
}

class TemplateParser extends ExpressionParser {
  /** Whether `break` and `continue` have a loop to leave. */
  #inLoop = false;

  program(): Program {
    const body = this.#body([]);
    if (this.current.type !== 'eof') this.fail(`unexpected '${this.current.value}'`);
    return body;
  }

  /** Statements up to `{% end`, whose name is the next token then. */
  #body(ends: readonly string[]): Statement[] {
    const statements: Statement[] = [];
    while (this.current.type !== 'eof') {
      const token = this.next();
      if (token.type === 'text') statements.push({ type: 'Text', text: token.value });
      else if (token.value === 'variable') {
        statements.push({ type: 'Output', expression: this.tuple() });
        this.expect('end');
      } else {
        if (this.current.type === 'name' && ends.includes(this.current.value)) return statements;
        statements.push(...this.#statement());
        this.expect('end');
      }
    }
    if (ends.length > 0) this.fail(`expected '${ends.join("' or '")}', got the end of the template`);
    return statements;
  }

  /** The statements of a block that this ends: `{% name … %}` is read, `%}` of its end is not. */
  #block(end: string, isLoop: boolean = this.#inLoop): Statement[] {
    this.expect('end');
    const before = this.#inLoop;
    this.#inLoop = isLoop;
    const body = this.#body([end]);
    this.#inLoop = before;
    this.next();
    return body;
  }

  #statement(): Statement[] {
    const token = this.expect('name');
    switch (token.value) {
      case 'if':
        return [this.#if()];
      case 'for':
        return [this.#for()];
      case 'set':
        return [this.#set()];
      case 'macro':
        return [{ type: 'Macro', macro: this.#macro() }];
      case 'call':
        return [this.#callBlock()];
      case 'filter':
        return [{ type: 'FilterBlock', filter: this.filters(null), body: this.#block('endfilter', false) }];
      case 'with':
        return [this.#with()];
      // Marks what the model said, for training: it is a scope of its own, and nothing else here.
      case 'generation':
        return [{ type: 'With', bindings: [], body: this.#block('endgeneration', false) }];
      case 'break':
      case 'continue':
        return [this.#jump(token)];
      default:
        return this.fail(`the statement '${token.value}' is not supported`, token);
    }
  }

  #jump(token: Token): Statement {
    if (!this.#inLoop) this.fail(`'${token.value}' outside of a loop`, token);
    return { type: token.value === 'break' ? 'Break' : 'Continue' };
  }

  #if(): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    do {
      const test = this.tuple();
      this.expect('end');
      branches.push({ test, body: this.#body(['elif', 'else', 'endif']) });
    } while (this.skipIf('name', 'elif'));
    const otherwise = this.next().value === 'else' ? this.#block('endif') : [];
    return { type: 'If', branches, otherwise };
  }

  #for(): Statement {
    const target = this.#target(false);
    this.expect('name', 'in');
    const iterable = this.#loopedOver();
    const test = this.skipIf('name', 'if') ? this.expression() : null;
    if (this.is('name', 'recursive')) this.fail('a recursive loop is not supported');
    this.expect('end');
    const before = this.#inLoop;
    this.#inLoop = true;
    const body = this.#body(['else', 'endfor']);
    this.#inLoop = before;
    const otherwise = this.next().value === 'else' ? this.#block('endfor') : [];
    return { type: 'For', target, iterable, test, body, otherwise };
  }

  #loopedOver(): Expression {
    const first = this.expressionWithoutChoice();
    if (!this.is('operator', ',')) return first;
    const items = [first];
    while (this.skipIf('operator', ',')) items.push(this.expressionWithoutChoice());
    return { type: 'Tuple', items };
  }

  #set(): Statement {
    const target = this.#target(true);
    if (this.skipIf('operator', '=')) return { type: 'Set', target, value: this.tuple() };
    const filter = this.is('operator', '|') ? this.#blockFilters() : null;
    return { type: 'SetBlock', target, filter, body: this.#block('endset', false) };
  }

  #blockFilters(): Filter {
    this.next();
    return this.filters(null);
  }

  /** @param withNamespaces whether `namespace.name` may be assigned to. */
  #target(withNamespaces: boolean): Target {
    const items: Target[] = [];
    let isTuple = false;
    while ((this.current.type === 'name' && !this.is('name', 'in')) || this.is('operator', '(')) {
      items.push(this.#singleTarget(withNamespaces));
      if (!this.skipIf('operator', ',')) break;
      isTuple = true;
    }
    if (items.length === 0) this.fail(`expected a name to assign to, got '${this.current.value}'`);
    return isTuple ? { type: 'Targets', items } : items[0]!;
  }

  #singleTarget(withNamespaces: boolean): Target {
    if (this.skipIf('operator', '(')) {
      const inside = this.#target(withNamespaces);
      this.expect('operator', ')');
      return inside;
    }
    const token = this.expect('name');
    if (CONSTANTS.has(token.value)) {
      this.fail(`can't assign to '${token.value}'`, token);
    }
    if (!withNamespaces || !this.skipIf('operator', '.')) return { type: 'Name', name: token.value };
    for (const names of this.namesOfMacros) names.add(token.value);
    return { type: 'NamespaceItem', name: token.value, attribute: this.expect('name').value };
  }

  #macro(): Macro {
    const name = this.expect('name').value;
    return this.#macroFrom(name, 'endmacro', this.#parameters());
  }

  #macroFrom(name: string, end: string, parameters: Macro['parameters']): Macro {
    const names = new Set<string>();
    this.namesOfMacros.push(names);
    const body = this.#block(end, false);
    this.namesOfMacros.pop();
    return { name, parameters, body, names };
  }

  #parameters(): Macro['parameters'] {
    const parameters: { name: string; fallback: Expression | null }[] = [];
    this.expect('operator', '(');
    while (!this.skipIf('operator', ')')) {
      if (parameters.length > 0) this.expect('operator', ',');
      const name = this.expect('name');
      const fallback = this.skipIf('operator', '=') ? this.expression() : null;
      if (fallback === null && parameters.some((each) => each.fallback !== null)) {
        this.fail('non-default argument follows default argument', name);
      }
      parameters.push({ name: name.value, fallback });
    }
    return parameters;
  }

  #callBlock(): Statement {
    const parameters = this.is('operator', '(') ? this.#parameters() : [];
    const start = this.current;
    const call = this.expression();
    if (call.type !== 'Call') return this.fail('expected call', start);
    return { type: 'CallBlock', call, caller: this.#macroFrom('caller', 'endcall', parameters) };
  }

  #with(): Statement {
    const bindings: { target: Target; value: Expression }[] = [];
    while (this.current.type !== 'end') {
      if (bindings.length > 0) this.expect('operator', ',');
      const name = this.expect('name').value;
      this.expect('operator', '=');
      bindings.push({ target: { type: 'Name', name }, value: this.expression() });
    }
    return { type: 'With', bindings, body: this.#block('endwith') };
  }
}
