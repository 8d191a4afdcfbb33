/**
 * Schemas against ajv, which knows nothing of grammars: whatever is written by chance within a schema's masks fits the
 * schema, and whatever fits the schema can be written.
 */

import { isIPv4, isIPv6 } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { compileGrammar } from '../../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../../src/sampling/grammar/grammar-automaton.ts';
import { buildTokenTrie, type TokenTrie } from '../../../src/sampling/grammar/token-trie.ts';
import { Vocabulary } from '../../../src/text/vocabulary.ts';
import { filesOf } from '../../text/fixtures.ts';
import { Dice } from '../random-rows.ts';
import { schemaSource, stateAfter } from './grammar-driver.ts';
import { aRootSchema, jsonText } from './random-schemas.ts';
import { randomWalk } from './random-walk.ts';

const SEED_COUNT = 60;
/** Of those, with a real tokenizer; for the others each byte is a token, which is quicker. */
const TOKENIZER_SEED_COUNT = 10;
const SEEDS = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);

type Tokens = {
  readonly trie: TokenTrie;
  readonly bytesOf: (tokenId: number) => Uint8Array;
  readonly closers: readonly number[];
};

const CLOSERS = [...'"]}0,:'];

function bytesAsTokens(): Tokens {
  const bytesOf = (tokenId: number): Uint8Array => Uint8Array.of(tokenId);
  const trie = buildTokenTrie({ size: 256, bytesOf, isSpecial: () => false });
  return { trie, bytesOf, closers: CLOSERS.map((text) => text.charCodeAt(0)) };
}

function tokensOfFamily(): Tokens {
  const vocabulary = new Vocabulary(filesOf('llama3'));
  const bytesOf = (tokenId: number): Uint8Array => vocabulary.bytesOf(tokenId);
  const ids = Array.from({ length: vocabulary.size }, (_, tokenId) => tokenId);
  const isSpecial = (tokenId: number): boolean => vocabulary.isSpecial(tokenId);
  return {
    trie: buildTokenTrie({ size: vocabulary.size, bytesOf, isSpecial }),
    bytesOf,
    closers: CLOSERS.map((text) => ids.find((id) => vocabulary.textOf(id) === text)!),
  };
}

const BYTES = bytesAsTokens();
const FAMILY = tokensOfFamily();

const isDate = (text: string): boolean => {
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.valueOf()) && date.toISOString().startsWith(text);
};
const isTime = (text: string): boolean => !Number.isNaN(new Date(`2024-01-01T${text}`).valueOf());
const JUDGES: Readonly<Record<string, (text: string) => boolean>> = {
  date: isDate,
  time: isTime,
  'date-time': (text) => isDate(text.slice(0, 10)) && text[10] === 'T' && isTime(text.slice(11)),
  ipv4: isIPv4,
  ipv6: isIPv6,
  uuid: (text) => /^[\da-f]{8}-([\da-f]{4}-){3}[\da-f]{12}$/i.test(text),
  email: (text) => /^[^@\s"]+@[a-z\d-]+(\.[a-z\d-]+)+$/i.test(text),
  uri: (text) => URL.canParse(text) || /^[a-z][a-z\d+.-]*:/i.test(text),
};

const ajv = new Ajv2020({ strict: false, formats: JUDGES, multipleOfPrecision: 9, addUsedSchema: false });

function judge(schema: unknown): (value: unknown) => boolean {
  return ajv.compile(schema as object | boolean) as (value: unknown) => boolean;
}

function automatonFor(schema: unknown, { trie }: Tokens): GrammarAutomaton {
  const program = compileGrammar(schemaSource(schema), { addedTokenId: () => null });
  return new GrammarAutomaton({ id: 1, program, tokens: trie }, { vocabularySize: trie.vocabularySize });
}

describe('a random schema', () => {
  it('is fitted by whatever is written within its masks', () => {
    let finishedCount = 0;
    for (const seed of SEEDS) {
      const dice = new Dice(seed);
      const { schema } = aRootSchema(dice);
      const fits = judge(schema);
      const tokens = seed <= TOKENIZER_SEED_COUNT ? FAMILY : BYTES;
      const automaton = automatonFor(schema, tokens);
      for (let walk = 0; walk < 2; walk++) {
        const bytes = randomWalk(automaton, {
          dice,
          ...tokens,
          tokensMax: 600,
          closingFrom: dice.integer(5, 60),
        });
        if (bytes === null) continue;
        finishedCount++;
        const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
        expect(fits(JSON.parse(text)), `seed ${seed}: ${JSON.stringify(schema)}: ${text}`).toBe(true);
      }
    }
    expect(finishedCount).toBeGreaterThan(1.5 * SEEDS.length);
  });

  it('takes every value that fits it', () => {
    for (const seed of SEEDS) {
      const dice = new Dice(1000 + seed);
      const { schema, value } = aRootSchema(dice);
      const fits = judge(schema);
      const automaton = automatonFor(schema, BYTES);
      for (let count = 0; count < 4; count++) {
        const indent = dice.pick([null, null, '  ', '\t']);
        const text = jsonText(value(dice), indent, dice.pick(['', ' ']));
        const context = `seed ${1000 + seed}: ${JSON.stringify(schema)}: ${text}`;
        expect(fits(JSON.parse(text)), `the value is one, ${context}`).toBe(true);
        expect(stateAfter(automaton, text)?.isFinal, context).toBe(true);
      }
    }
  });
});
