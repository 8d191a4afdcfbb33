/**
 * What an output has to look like, as plain data: written by routes and tools, compiled before the request runs. Says
 * nothing of tokens or automata.
 */

type Field = {
  /** The field of the request that errors name; by default the first that is named beside it, or `grammar`. */
  readonly param?: string;
};

type JsonStyle = {
  /** No white space between the parts of JSON; by default a space, or a line end and indentation, may stand there. */
  readonly isCompact?: boolean;
};

/**
 * An output fits the grammar when its bytes (and special tokens) do, from the first to the last. The end-of-text token
 * can be chosen exactly where the grammar may end. Special tokens are never part of text.
 */
export type GrammarSource =
  /** Any JSON object. */
  | ({ readonly kind: 'json-object' } & JsonStyle)
  /** A JSON value that the schema allows; with `orObject` any JSON object where the schema cannot be served. */
  | ({ readonly kind: 'json-schema'; readonly schema: unknown; readonly orObject?: boolean } & JsonStyle &
      Field)
  /** The whole text matches; anchored at both ends. */
  | ({ readonly kind: 'regex'; readonly pattern: string } & Field)
  /** One of the texts, at least one. */
  | ({ readonly kind: 'choice'; readonly choices: readonly string[] } & Field)
  /** GBNF, as llama.cpp and xgrammar write it; begins with the rule `root`. */
  | ({ readonly kind: 'ebnf'; readonly text: string } & Field)
  /** Exactly this text. */
  | { readonly kind: 'literal'; readonly text: string }
  /** Exactly the added token of this text, which is not spelled out by other tokens. */
  | ({ readonly kind: 'special-token'; readonly text: string } & Field)
  | { readonly kind: 'sequence'; readonly parts: readonly GrammarSource[] }
  | { readonly kind: 'any-of'; readonly options: readonly GrammarSource[] }
  /** `max` null: without bound. */
  | {
      readonly kind: 'repeat';
      readonly of: GrammarSource;
      readonly min: number;
      readonly max: number | null;
    }
  /**
   * Free text in which no trigger occurs; it ends before a trigger, or at the end. A trigger may be the text of a
   * special token.
   */
  | { readonly kind: 'text-until'; readonly triggers: readonly string[] };
