/**
 * What a step of 16 choices spends on grammars: which tokens fit, are they few, does each candidate fit, what comes after
 * the chosen one. No model and no threads; the vocabulary has the size of a trained one.
 */

import { Option } from 'commander';
import { randomAt } from '../../src/base/random.ts';
import { compileGrammar } from '../../src/sampling/grammar/compile-grammar.ts';
import { GrammarAutomaton } from '../../src/sampling/grammar/grammar-automaton.ts';
import { GrammarCursor } from '../../src/sampling/grammar/grammar-cursor.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import { buildTokenTrie, type TokenTrie } from '../../src/sampling/grammar/token-trie.ts';
import { Vocabulary } from '../../src/text/vocabulary.ts';
import { countOption, repeatsOption } from '../options.ts';
import { randomVocabulary, tokenizerFiles } from '../random-vocabulary.ts';
import { scenario } from '../scenario.ts';
import { distribution, overRepeats } from '../statistics.ts';
import { rangeCell, renderTable } from '../table.ts';

type Flags = {
  readonly choices: number;
  readonly steps: number;
  readonly vocabulary: number;
  readonly only?: string;
  readonly wholeRows?: boolean;
  readonly repeats: number;
};

const CANDIDATES = 64;

const RECORD = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    name: { type: 'string', maxLength: 24 },
    kind: { enum: ['small', 'medium', 'large'] },
    tags: { type: 'array', items: { type: 'string', maxLength: 12 }, maxItems: 4 },
  },
  required: ['id', 'name', 'kind', 'tags'],
  additionalProperties: false,
};

const OPTIONALS = Object.fromEntries(
  Array.from({ length: 1000 }, (_, index) => [`field_${index.toString(36)}`, { type: 'integer' }]),
);

const GRAMMARS: Readonly<Record<string, GrammarSource>> = {
  'overlapping lengths': { kind: 'regex', pattern: '[a-z ]*(a[a-z ]{90}|b[a-z ]{80})' },
  'a thousand lengths': { kind: 'regex', pattern: '[a-z ]*[ae][a-z ]{1000}' },
  'lengths with traps': { kind: 'regex', pattern: '(?:[a-z ](?:[a-z ]#{1000})?)*a[a-z ]{900}' },
  'lengths without end': { kind: 'regex', pattern: '(?:[a-z ]?){1300}[a-m][a-z ]{1300}' },
  'lengths of rules': {
    kind: 'ebnf',
    text: 'root ::= x* [ae] x{300} "."\nx ::= [a-z ] | "," x "," | "(" x* ")"',
  },
  'a list of records': { kind: 'json-schema', schema: { type: 'array', items: RECORD, minItems: 1000 } },
  'any JSON': { kind: 'json-schema', schema: { type: 'object' } },
  '1,000 optional properties': {
    kind: 'json-schema',
    schema: { type: 'object', properties: OPTIONALS, additionalProperties: false },
  },
};

type Words = { readonly trie: TokenTrie; readonly size: number };

function wordsOf(size: number): Words {
  const { tokenizer, tokenizerConfig } = tokenizerFiles(randomVocabulary(size, 1), ['<end>']);
  const vocabulary = new Vocabulary({ tokenizerJson: tokenizer, tokenizerConfig });
  const trie = buildTokenTrie({
    size: vocabulary.size,
    bytesOf: (tokenId) => vocabulary.bytesOf(tokenId),
    isSpecial: (tokenId) => vocabulary.isSpecial(tokenId),
  });
  return { trie, size: vocabulary.size };
}

/** Sequences of one grammar, whose candidates are tokens by chance, the frequent ones first. */
class Choices {
  readonly #size: number;
  readonly #open: () => GrammarCursor;
  readonly #cursors: GrammarCursor[];
  readonly #row: Float32Array;
  readonly #isWhole: boolean;
  #draws: number;

  constructor(
    source: GrammarSource,
    { trie, size }: Words,
    { choices, wholeRows = false }: Flags,
    seed: number,
  ) {
    const program = compileGrammar(source, { addedTokenId: () => null });
    const automaton = new GrammarAutomaton({ id: 1, program, tokens: trie }, { vocabularySize: size });
    this.#size = size;
    this.#isWhole = wholeRows;
    this.#open = () => new GrammarCursor(automaton, [size - 1]);
    this.#cursors = Array.from({ length: choices }, this.#open);
    this.#row = new Float32Array(size);
    this.#draws = seed * 1e9;
  }

  step(): void {
    this.#cursors.forEach((cursor, index) => {
      const tokenId = this.#choose(cursor);
      if (tokenId === this.#size - 1 || cursor.isCompleteAfter(tokenId)) this.#cursors[index] = this.#open();
      else cursor.accept(tokenId);
    });
  }

  /** What choosing asks of a grammar; the mask only where nothing else decides. */
  #choose(cursor: GrammarCursor): number {
    const few = cursor.fewTokenIds;
    if (few !== null) return few[Math.floor(this.#uniform() * few.length)]!;
    if (this.#isWhole) return this.#fromWholeRow(cursor);
    const fitting = Array.from({ length: CANDIDATES }, () => this.#candidate()).filter((id) =>
      cursor.allows(id),
    );
    return fitting[0] ?? this.#fromWholeRow(cursor);
  }

  #fromWholeRow(cursor: GrammarCursor): number {
    this.#row.fill(0);
    cursor.forbidOthers(this.#row);
    const first = Math.floor(this.#uniform() * this.#size);
    const behind = this.#row.indexOf(0, first);
    return behind < 0 ? this.#row.indexOf(0) : behind;
  }

  #candidate(): number {
    return Math.floor(this.#uniform() ** 3 * this.#size);
  }

  #uniform(): number {
    return randomAt(1, this.#draws++);
  }
}

function runOnce(name: string, words: Words, flags: Flags, seed: number) {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const running = new Choices(GRAMMARS[name]!, words, flags, seed);
  const times = Array.from({ length: flags.steps }, () => {
    const startMs = performance.now();
    running.step();
    return performance.now() - startMs;
  });
  globalThis.gc?.();
  const heapMib = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  running.step();
  const { median, max } = distribution(times)!;
  return { median, max, heapMib };
}

export const grammarStep = scenario<Flags>({
  name: 'grammar-step',
  summary: 'what grammars take of a step, ambiguous ones included; no model',
  options: [
    countOption('choices', 'sequences of a grammar', 16),
    countOption('steps', 'in each run', 150),
    countOption('vocabulary', 'tokens', 151_936),
    new Option('--only <grammar>', 'one of them').choices(Object.keys(GRAMMARS)),
    new Option('--whole-rows', 'tokens are chosen from whole rows, by masks, where many fit'),
    repeatsOption(3),
  ],
  run: async (flags, bench) => {
    const words = wordsOf(flags.vocabulary);
    const names = flags.only === undefined ? Object.keys(GRAMMARS) : [flags.only];
    const figures = names.map((name) => {
      bench.progress(name);
      const runs = Array.from({ length: flags.repeats + 1 }, (_, seed) =>
        runOnce(name, words, flags, seed),
      ).slice(1);
      return {
        name,
        medianMs: overRepeats(runs.map(({ median }) => median)),
        maxMs: overRepeats(runs.map(({ max }) => max)),
        heapMib: overRepeats(runs.map(({ heapMib }) => heapMib)),
      };
    });
    const text = renderTable(
      ['grammar', 'step in the middle, ms (min..max)', 'longest step, ms', 'kept, MiB (with --expose-gc)'],
      figures.map((each) => [
        each.name,
        rangeCell(each.medianMs),
        rangeCell(each.maxMs),
        rangeCell(each.heapMib),
      ]),
    );
    return { figures, text, failureCount: 0 };
  },
});
