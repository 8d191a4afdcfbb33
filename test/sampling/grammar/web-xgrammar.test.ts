/**
 * Masks against those of another engine, web-xgrammar, over whole vocabularies, for what both understand alike. It knows
 * nothing of bounded white space and digits, so schemas are compact and numbers few; half of a surrogate pair's escape is
 * fine with it, so no escapes are followed.
 */

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import type { GrammarSource } from '../../../src/sampling/grammar/grammar-source.ts';
import { buildTokenTrie, type TokenTrie } from '../../../src/sampling/grammar/token-trie.ts';
import { modelVocabulary, readAddedTokens, type TokenizerFiles } from '../../../src/text/tokenizer-files.ts';
import { Vocabulary } from '../../../src/text/vocabulary.ts';
import { filesOf } from '../../text/fixtures.ts';
import { Dice } from '../random-rows.ts';
import { schemaSource } from './grammar-driver.ts';
import { maskedTokens } from './random-walk.ts';

type Xgrammar = typeof import('@mlc-ai/web-xgrammar');

/** The bundle expects a browser's `location`, exports nothing, and sets a global. */
async function loadXgrammar(): Promise<Xgrammar> {
  const scope = globalThis as { location?: unknown; xgrammar?: Xgrammar };
  const before = scope.location;
  scope.location = { href: import.meta.url };
  await import('@mlc-ai/web-xgrammar');
  const library = scope.xgrammar!;
  (await library.Grammar.builtinJSONGrammar()).dispose();
  if (before === undefined) delete scope.location;
  delete scope.xgrammar;
  return library;
}

const SCHEMAS: readonly unknown[] = [
  {
    type: 'object',
    properties: { a: { type: 'integer' }, bc: { type: 'string' }, d: { type: 'boolean' } },
    required: ['a', 'd'],
  },
  { type: 'array', items: { enum: ['red', 'green', 5, null, true] }, minItems: 1, maxItems: 3 },
  {
    type: 'object',
    properties: { x: { anyOf: [{ type: 'null' }, { type: 'array', items: { type: 'integer' } }] } },
    required: ['x'],
  },
  {
    $defs: {
      node: {
        type: 'object',
        properties: { v: { type: 'boolean' }, n: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
        required: ['v', 'n'],
      },
    },
    $ref: '#/$defs/node',
  },
  { type: 'object', properties: { s: { type: 'string', minLength: 2, maxLength: 5 } }, required: ['s'] },
  {
    type: 'object',
    properties: { s: { type: 'string', pattern: '^[a-z]{2,4}(-[0-9]+)?$' }, c: { const: 'fixed' } },
    required: ['s', 'c'],
  },
  { type: 'object', properties: { o1: { type: 'boolean' }, o2: { type: 'null' }, o3: { type: 'integer' } } },
  { type: 'object', additionalProperties: { type: 'integer' } },
];

/** None with a range of characters beyond ASCII: the other engine takes its ends for bytes. */
const EXPRESSIONS = [
  '[a-z]+( [a-z]+){0,3}\\.',
  '(yes|no|maybe)!?',
  '\\d{3}-\\d{4}',
  '[^,]+,(é|ü)*',
  '"([^"\\\\]|\\\\.)*"',
];

const GRAMMARS = [
  'root ::= expr\nexpr ::= term (("+" | "-") term)*\nterm ::= [0-9]+ | "(" expr ")"',
  'root ::= item ("," item)*\nitem ::= name "=" [a-z0-9]{1,4}\nname ::= "alpha" | "al" | [A-Z] [a-z]*',
  'root ::= "<" [a-z]+ "é"* ">" [^<]* "</>"',
];

type Tokens = {
  readonly vocabulary: Vocabulary;
  readonly trie: TokenTrie;
  readonly encoded: readonly string[];
};

function tokensOf(files: TokenizerFiles): Tokens {
  const vocabulary = new Vocabulary(files);
  const trie = buildTokenTrie({
    size: vocabulary.size,
    bytesOf: (tokenId) => vocabulary.bytesOf(tokenId),
    isSpecial: (tokenId) => vocabulary.isSpecial(tokenId),
  });
  const encoded: string[] = Array.from({ length: vocabulary.size }, () => '');
  for (const [text, id] of modelVocabulary(files.tokenizerJson)) encoded[id] = text;
  for (const { content, id } of readAddedTokens(files)) encoded[id] = content;
  return { vocabulary, trie, encoded };
}

const octavoMini = (): TokenizerFiles => {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(new URL(`../../../models/octavo-mini/${name}`, import.meta.url), 'utf8'));
  return { tokenizerJson: read('tokenizer.json'), tokenizerConfig: read('tokenizer_config.json') };
};

let xgrammar: Xgrammar;
beforeAll(async () => {
  xgrammar = await loadXgrammar();
});

type Case = {
  readonly name: string;
  readonly source: GrammarSource;
  readonly compile: (compiler: XCompiler) => Promise<XGrammar>;
};
type XCompiler = Awaited<ReturnType<Xgrammar['GrammarCompiler']['createGrammarCompiler']>>;
type XGrammar = InstanceType<Xgrammar['CompiledGrammar']>;

const CASES: readonly Case[] = [
  ...SCHEMAS.map(
    (schema): Case => ({
      name: JSON.stringify(schema).slice(0, 70),
      source: schemaSource(schema, true),
      compile: (compiler) => compiler.compileJSONSchema(JSON.stringify(schema), false, -1, [',', ':'], true),
    }),
  ),
  ...EXPRESSIONS.map(
    (pattern): Case => ({
      name: pattern,
      source: { kind: 'regex', pattern },
      compile: (compiler) =>
        compiler.compileStructuralTag(
          JSON.stringify({ type: 'structural_tag', format: { type: 'regex', pattern } }),
        ),
    }),
  ),
  ...GRAMMARS.map(
    (text): Case => ({
      name: text.split('\n')[0]!,
      source: { kind: 'ebnf', text },
      compile: async (compiler) => compiler.compileGrammar(await xgrammar.Grammar.fromEBNF(text)),
    }),
  ),
];

/** Ids whose masks are compared: neither special, which is text to the other engine, nor with escapes in them. */
function comparedIds({ vocabulary }: Tokens): number[] {
  const ids = Array.from({ length: vocabulary.size }, (_, tokenId) => tokenId);
  return ids.filter((id) => !vocabulary.isSpecial(id) && !/^$|\\/.test(vocabulary.textOf(id)));
}

/** The other engine takes bytes that are no UTF-8, and control characters in strings whose length is bounded. */
const isTakenLaxly = (vocabulary: Vocabulary, tokenId: number): boolean =>
  !vocabulary.isWhole(tokenId) || /\p{Cc}/u.test(vocabulary.textOf(tokenId));

describe.each([
  ['octavo-mini', octavoMini],
  ['llama3', () => filesOf('llama3')],
] as const)('masks over the vocabulary of %s', (_, files) => {
  let tokens: Tokens;
  let ids: number[];
  let strictIds: number[];
  let stopTokenId: number;
  let compiler: XCompiler;
  beforeAll(async () => {
    tokens = tokensOf(files());
    ids = comparedIds(tokens);
    strictIds = ids.filter((id) => !isTakenLaxly(tokens.vocabulary, id));
    stopTokenId = Array.from({ length: tokens.vocabulary.size }, (_, id) => id).find((id) =>
      tokens.vocabulary.isSpecial(id),
    )!;
    const { TokenizerInfo, GrammarCompiler } = xgrammar;
    const info = await TokenizerInfo.createTokenizerInfo(
      [...tokens.encoded],
      'byte_level',
      false,
      tokens.vocabulary.size,
      [stopTokenId],
    );
    compiler = await GrammarCompiler.createGrammarCompiler(info);
  });

  it.each(CASES)('are those of web-xgrammar: $name', async ({ source, compile }) => {
    const compiled = await compile(compiler);
    const program = compileGrammar(source, { addedTokenId: () => null });
    const automaton = new GrammarAutomaton(
      { id: 1, program, tokens: tokens.trie },
      { vocabularySize: tokens.vocabulary.size },
    );
    for (let seed = 1; seed <= 5; seed++) {
      const dice = new Dice(seed);
      const matcher = await xgrammar.GrammarMatcher.createGrammarMatcher(compiled);
      let state = automaton.start;
      let text = '';
      for (let step = 0; step < 12; step++) {
        const theirs = new Set(maskedTokens(new Uint32Array(await matcher.getNextTokenBitmask())));
        const ours = new Set(maskedTokens(automaton.mask(state)));
        const shown = (id: number): string => JSON.stringify(tokens.vocabulary.textOf(id));
        const context = `seed ${seed}, after ${JSON.stringify(text)}`;
        // Of JSON's numbers the other engine leaves out the integer -0.
        const isMinusZero = (id: number): boolean =>
          /[[:,]-0/.test(text.slice(-2) + tokens.vocabulary.textOf(id));
        expect(
          strictIds.filter((id) => theirs.has(id) && !ours.has(id)).map(shown),
          `only theirs, ${context}`,
        ).toEqual([]);
        expect(
          ids.filter((id) => ours.has(id) && !theirs.has(id) && !isMinusZero(id)).map(shown),
          `only ours, ${context}`,
        ).toEqual([]);
        expect(state.isFinal, context).toBe(theirs.has(stopTokenId));
        const fitting = ids.filter((id) => ours.has(id) && !isMinusZero(id));
        if (fitting.length === 0) break;
        const tokenId = dice.pick(fitting);
        text += tokens.vocabulary.textOf(tokenId);
        expect(matcher.acceptToken(tokenId)).toBe(true);
        state = automaton.afterToken(state, tokenId)!;
      }
      matcher.dispose();
    }
    compiled.dispose();
  });
});
