/** Goes over the tokens of a chat template, one after the other, and says what is wrong with the one that it is at. */

import { TemplateSyntaxError, type Token } from './lexer.ts';

export class TokenCursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  protected get current(): Token {
    return this.#tokens[this.#at]!;
  }

  protected next(): Token {
    const token = this.current;
    if (token.type !== 'eof') this.#at++;
    return token;
  }

  protected fail(message: string, { line }: Token = this.current): never {
    throw new TemplateSyntaxError(message, line);
  }

  protected is(type: Token['type'], value: string, offset = 0): boolean {
    const token = this.#tokens[this.#at + offset];
    return token?.type === type && token.value === value;
  }

  protected skipIf(type: Token['type'], value: string): boolean {
    const found = this.is(type, value);
    if (found) this.next();
    return found;
  }

  protected expect(type: Token['type'], value?: string): Token {
    const token = this.current;
    if (token.type !== type || (value !== undefined && token.value !== value)) {
      this.fail(`expected ${value === undefined ? `a ${type}` : `'${value}'`}, got '${token.value}'`);
    }
    return this.next();
  }
}
