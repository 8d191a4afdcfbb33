/**
 * Every upper bound of structured output, as `limits.ts` has the others: schemas and patterns, the grammars made of them, and the
 * automata that follow an output. Units are in the names.
 */

/**
 * States of a compiled grammar. Compiling so many takes 0.2 s, and 0.5 to 1.3 s on a machine with other load, in which
 * the next new grammar waits. A schema of a hundred properties has some thousand.
 */
export const GRAMMAR_STATES_MAX = 50_000;
/**
 * Compiling a grammar, once its thread has started. The work is bounded by what follows, but no proof says that nothing
 * within those bounds is slow: 102 classes of Unicode in one pattern took 3 s beside other load.
 */
export const GRAMMAR_COMPILE_MS_MAX = 15_000;

/** A grammar that nobody waits for any more may keep others waiting for so long: about what another thread costs to start. */
export const GRAMMAR_UNWANTED_MS = 500;
/** Transitions of a compiled grammar: choices from large alphabets have many a state. */
export const GRAMMAR_EDGES_MAX = 4 * GRAMMAR_STATES_MAX;
/**
 * Memory of all compiled grammars that are kept for the next request with the same one, their sources included: 15 of
 * the largest, or thousands of usual ones at 20 KB.
 */
export const GRAMMAR_CACHE_BYTES_MAX = 64 * 2 ** 20;

/** States of a text automaton that had to be made deterministic: patterns met with lengths, names taken out of keys. */
export const TEXT_AUTOMATON_STATES_MAX = 10_000;
/** Groups within groups of a regular expression, which is read and compiled by recursion. */
export const PATTERN_DEPTH_MAX = 256;
/** A regular expression, or a GBNF grammar, longer than this is generated rather than written. */
export const PATTERN_CHARACTERS_MAX = 16_384;
export const GRAMMAR_TEXT_CHARACTERS_MAX = 131_072;

/** Texts that an output may be one of; OpenAI allows 1,000 values of all enumerations of a schema. */
export const CHOICES_OF_TEXT_MAX = 4096;

/** OpenAI allows 5,000 properties a schema; all of one object may be optional, and then each step looks at each. */
export const SCHEMA_PROPERTIES_MAX = 1000;
/** Schemas, constants and enumerated values are walked by recursion. */
export const SCHEMA_DEPTH_MAX = 64;
/**
 * Nesting of a schema's JSON, annotations included, before it is looked at as a schema: it is written as text by recursion.
 * A level of schema is two or three of JSON.
 */
export const SCHEMA_JSON_DEPTH_MAX = 256;
/** Combinations of alternatives when several `anyOf` meet in one place. */
export const SCHEMA_COMBINATIONS_MAX = 256;
/** `patternProperties` of one object: keys are told apart by every combination of them. */
export const SCHEMA_PATTERN_PROPERTIES_MAX = 4;
/** Remainders, and so states, that `multipleOf` has to tell apart. */
export const MULTIPLE_OF_REMAINDERS_MAX = 500;

/**
 * Of a grammar's states and transitions, for schemas that are left out before the grammar is refused: the arguments of
 * calls that nobody demands. The rest is for what has to be held.
 */
export const OPTIONAL_SCHEMAS_SHARE_MAX = 0.5;
/** How long a request waits for a grammar or a prediction, which it can do without; others' may keep their thread for longer. */
export const OPTIONAL_WAIT_MS = 1000;
/**
 * Nesting of a grammar's rules in one output. Nothing is opened that could not be closed again within it: what comes instead
 * is the alternative that needs fewer levels, and a grammar that has none is refused.
 */
export const GRAMMAR_DEPTH_MAX = 256;
/** Ways in which one output may be understood at the same time; an ambiguous grammar has more and more of them. */
export const GRAMMAR_READINGS_MAX = 4096;
/** Deterministic states and runs of one grammar that are remembered, 1 KB each without their readings; then it starts afresh. */
export const GRAMMAR_MEMO_STATES_MAX = 8192;
/**
 * Readings of all these states together, 12 bytes each, and the stacks of rules that were entered. Most states have one or a
 * few readings, but those of an ambiguous grammar thousands, each perhaps with a stack of its own.
 */
export const GRAMMAR_MEMO_READINGS_MAX = 131_072;
/** Readings that a stack counts as. It takes 56 bytes, and as many to find it again: stacks alone come to 7 MB at most. */
export const GRAMMAR_STACK_READINGS = 2;
/**
 * Readings that are looked at to find out which tokens may come next: all of them by a walk, or single ones by trying them.
 * 15 to 40 ms, in which all streams wait. The largest schemas took 0.13 million; where each token leads to a state of its own,
 * of a thousand readings, it would be seconds.
 */
export const GRAMMAR_WALK_READINGS_MAX = 2 ** 19;
/**
 * From so many readings on, one of them is followed alone first. Fewer cost about as little to follow together, and
 * what is found out then is exact.
 */
export const GRAMMAR_RUN_READINGS_MIN = 4;
/** Readings among which the next one of such a run is picked: enough to find a lasting one, and cheap where thousands follow. */
export const GRAMMAR_RUN_REACHED_MAX = 64;
/**
 * Readings that are looked at to find out whether the allowed tokens are few: 5 ms, once. It only saves work, and each time
 * it is asked earns `GRAMMAR_READINGS_EARNED` more of them: states that many outputs meet are worth it, but where each
 * token leads to new states of many readings the candidates are asked.
 */
export const GRAMMAR_READINGS_PROBED_MAX = 2 ** 18;
export const GRAMMAR_READINGS_EARNED = 2 ** 12;
/** Masks over the whole vocabulary that one grammar remembers: 19 KB each at 150,000 tokens. */
export const GRAMMAR_MASKS_MAX = 128;
/** Grammars that the engine keeps ready though no sequence uses them. */
export const GRAMMARS_IDLE_MAX = 16;
/** With more allowed tokens than this, the candidates are asked first; with fewer, all of them are read. */
export const GRAMMAR_TOKENS_READ_MAX = 512;
/** Nodes of the token trie that are looked at to find out whether the allowed tokens are few. 0.1 ms. */
export const GRAMMAR_NODES_PROBED_MAX = 8192;
