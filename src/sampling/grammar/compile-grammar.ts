/**
 * A `GrammarSource` -> a `GrammarProgram`. Synchronous and bounded: in time by the number of states that it may make,
 * in depth by that of its sources. Every error names the field of the request that it is about.
 */

import { assertNever } from '../../base/assert.ts';
import { ServerError } from '../../base/errors.ts';
import { OPTIONAL_SCHEMAS_SHARE_MAX, SCHEMA_DEPTH_MAX } from '../../base/grammar-limits.ts';
import { type GbnfNode, parseGbnf } from './gbnf-parser.ts';
import type { GrammarProgram } from './grammar-program.ts';
import type { GrammarSource } from './grammar-source.ts';
import { JsonRules } from './json-rules.ts';
import { ProgramBuilder, type Rule } from './program-builder.ts';
import { regexAutomaton } from './regex-automaton.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { SchemaDocument } from './schema-document.ts';
import { spellText, spellTexts } from './spell-text.ts';
import { textWithout } from './text-automaton.ts';

export type CompileOptions = {
  /** Id of the added token of this text; null when there is none. */
  readonly addedTokenId: (text: string) => number | null;
};

type SchemaSource = Extract<GrammarSource, { kind: 'json-schema' }>;

/** What errors name where a source says nothing else. */
const PARAM_DEFAULT = 'grammar';

/** @throws ServerError for sources that make no sense, ask for what is not supported, or are too large. */
export function compileGrammar(source: GrammarSource, options: CompileOptions): GrammarProgram {
  const compiler = new SourceCompiler(options);
  return withParam(
    () => paramOf(source),
    () => compiler.compile(source),
  );
}

function paramOf(source: GrammarSource): string {
  return fieldOf(source) ?? PARAM_DEFAULT;
}

/** The field that the source comes from, or the first of those that its parts come from. */
function fieldOf(source: GrammarSource): string | null {
  if ('param' in source && source.param !== undefined) return source.param;
  for (const part of partsOf(source)) {
    const field = fieldOf(part);
    if (field !== null) return field;
  }
  return null;
}

function partsOf(source: GrammarSource): readonly GrammarSource[] {
  if (source.kind === 'sequence') return source.parts;
  if (source.kind === 'any-of') return source.options;
  return source.kind === 'repeat' ? [source.of] : [];
}

/** Errors from the depth know what is wrong, but not in which field. */
function withParam<T>(findParam: () => string | null, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (!(error instanceof ServerError) || error.param !== null) throw error;
    const param = findParam();
    if (param === null) throw error;
    throw new ServerError(error.code, error.message, { param, cause: error });
  }
}

class SourceCompiler {
  readonly #options: CompileOptions;
  readonly #builder = new ProgramBuilder();
  readonly #json = new Map<boolean, JsonRules>();
  /** Of a grammar's bounds: what is used by schemas that could be left out. */
  #optionalShare = 0;

  constructor(options: CompileOptions) {
    this.#options = options;
  }

  compile(source: GrammarSource): GrammarProgram {
    const root = this.#builder.rule('the grammar');
    this.#write(source, root.start, root.end, 0);
    return this.#builder.pack(root);
  }

  #write(source: GrammarSource, from: number, to: number, depth: number): void {
    if (depth > SCHEMA_DEPTH_MAX) {
      throw new ServerError('invalid_request', `The grammar is nested more than ${SCHEMA_DEPTH_MAX} deep.`);
    }
    withParam(
      () => fieldOf(source),
      () => this.#writeSource(source, from, to, depth),
    );
  }

  #writeSource(source: GrammarSource, from: number, to: number, depth: number): void {
    const builder = this.#builder;
    switch (source.kind) {
      case 'json-object':
        builder.call(from, this.#jsonRules(source.isCompact).object, to);
        return;
      case 'json-schema':
        this.#writeSchema(source, from, to);
        return;
      case 'regex': {
        const automaton = regexAutomaton(source.pattern, { isWhole: true, param: paramOf(source) });
        spellText(builder, automaton, { from, to, spelling: 'plain' });
        return;
      }
      case 'choice':
        spellTexts(builder, source.choices, { from, to });
        return;
      case 'ebnf':
        this.#writeGbnf(source.text, paramOf(source), from, to);
        return;
      case 'literal':
        builder.literal(from, source.text, to);
        return;
      case 'special-token':
        builder.token(from, this.#addedTokenId(source.text), to);
        return;
      case 'text-until':
        spellText(builder, textWithout(source.triggers), { from, to, spelling: 'plain' });
        return;
      default:
        this.#writeCombination(source, from, to, depth + 1);
    }
  }

  #writeCombination(
    source: Extract<GrammarSource, { kind: 'sequence' | 'any-of' | 'repeat' }>,
    from: number,
    to: number,
    depth: number,
  ): void {
    switch (source.kind) {
      case 'any-of':
        for (const option of source.options) this.#write(option, from, to, depth);
        return;
      case 'sequence':
        this.#builder.sequence(
          from,
          source.parts,
          (part, start, end) => this.#write(part, start, end, depth),
          to,
        );
        return;
      case 'repeat': {
        const item = this.#builder.rule('a repetition');
        this.#write(source.of, item.start, item.end, depth);
        this.#repeat(item, source, from, to);
        return;
      }
      default:
        assertNever(source);
    }
  }

  #repeat(item: Rule, bounds: { min: number; max: number | null }, from: number, to: number): void {
    const builder = this.#builder;
    const first = builder.state();
    builder.empty(from, first);
    builder.repeat(first, bounds, (start, end) => builder.call(start, item, end), to);
  }

  #writeSchema(source: SchemaSource, from: number, to: number): void {
    if (source.orObject === true && !this.#canServe(source)) {
      this.#builder.call(from, this.#jsonRules(source.isCompact).object, to);
      return;
    }
    const param = paramOf(source);
    const document = new SchemaDocument(source.schema, param);
    const json = this.#jsonRules(source.isCompact);
    const root = new SchemaCompiler({ builder: this.#builder, json, document }).write(from, to);
    // Else a function that cannot be called, or a form that cannot be answered in, would go unsaid beside others.
    this.#builder.demand(root, fieldOf(source));
  }

  /** Tried apart, because what fails half-way would leave its half. */
  #canServe(source: SchemaSource): boolean {
    const apart = new SourceCompiler(this.#options);
    try {
      apart.compile({ ...source, orObject: false });
    } catch (error) {
      if (error instanceof ServerError) return false;
      throw error;
    }
    const share = this.#optionalShare + apart.#builder.share;
    if (share > OPTIONAL_SCHEMAS_SHARE_MAX) return false;
    this.#optionalShare = share;
    return true;
  }

  #writeGbnf(text: string, param: string, from: number, to: number): void {
    const nodes = parseGbnf(text, param);
    const rules = new Map([...nodes.keys()].map((name) => [name, this.#builder.rule(`rule '${name}'`)]));
    const ruleOf = (name: string): Rule => {
      const rule = rules.get(name);
      if (rule !== undefined) return rule;
      const message = `'${param}' is not a GBNF grammar: rule '${name}' is not defined.`;
      throw new ServerError('invalid_request', message, { param });
    };
    for (const [name, node] of nodes) this.#writeNode(node, ruleOf, ruleOf(name).start, ruleOf(name).end);
    this.#builder.call(from, ruleOf('root'), to);
  }

  #writeNode(node: GbnfNode, ruleOf: (name: string) => Rule, from: number, to: number): void {
    const builder = this.#builder;
    switch (node.kind) {
      case 'literal':
        builder.literal(from, node.text, to);
        return;
      case 'set':
        builder.character(from, node.set, to);
        return;
      case 'rule':
        builder.call(from, ruleOf(node.name), to);
        return;
      case 'any-of':
        for (const option of node.options) this.#writeNode(option, ruleOf, from, to);
        return;
      case 'repeat': {
        const item = builder.rule('a repetition');
        this.#writeNode(node.of, ruleOf, item.start, item.end);
        this.#repeat(item, node, from, to);
        return;
      }
      case 'sequence':
        builder.sequence(
          from,
          node.parts,
          (part, start, end) => this.#writeNode(part, ruleOf, start, end),
          to,
        );
    }
  }

  #jsonRules(isCompact = false): JsonRules {
    const known = this.#json.get(isCompact) ?? new JsonRules(this.#builder, { isCompact });
    this.#json.set(isCompact, known);
    return known;
  }

  #addedTokenId(text: string): number {
    const tokenId = this.#options.addedTokenId(text);
    if (tokenId !== null) return tokenId;
    throw new ServerError('invalid_request', `The model has no added token '${text}'.`);
  }
}
