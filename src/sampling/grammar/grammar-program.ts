/**
 * A compiled grammar as flat arrays: an automaton over bytes and tokens whose transitions may call rules. It lies in
 * shared memory, so that sending it to another thread copies nothing.
 *
 * A state's edges are `edges[EDGE_SIZE * edgeStart[state], EDGE_SIZE * edgeStart[state + 1])`, four numbers each:
 * kind, two operands, target.
 */

export const EDGE_SIZE = 4;

/** Operands: first and last byte. */
export const EDGE_BYTES = 0;
/** No operands; taken without input. */
export const EDGE_EMPTY = 1;
/** Operand: the state in which the called rule starts. When the rule has ended, the target is next. */
export const EDGE_CALL = 2;
/** Operand: a token id, which is taken whole. */
export const EDGE_TOKEN = 3;

/** Bits of `flags`: the rule may end here; it ends here, and whoever called it is all that counts from here on. */
export const STATE_FINAL = 1;
export const STATE_RETURNS = 2;

export type GrammarProgram = {
  readonly start: number;
  readonly stateCount: number;
  /** [stateCount + 1] */
  readonly edgeStart: Int32Array;
  /** [edgeCount x EDGE_SIZE] */
  readonly edges: Int32Array;
  /** [stateCount] */
  readonly flags: Uint8Array;
  /**
   * [stateCount] Levels of rules that have to be entered at least until the state's own rule ends; one more than
   * `GRAMMAR_DEPTH_MAX` where these are too few.
   */
  readonly levels: Uint16Array;
  /** [256] Bytes of one class are on the same edges everywhere. */
  readonly byteClass: Uint8Array;
  readonly classCount: number;
};
