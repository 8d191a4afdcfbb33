/**
 * Reads the `decoder` of a `tokenizer.json` down to what can be done token by token. A decoder that looks at more
 * than one token at a time (WordPiece, CTC, a regular expression over the whole text) is refused by name.
 */

import { StartupError } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json-object.ts';
import { requireObject } from './tokenizer-files.ts';

/** How a decoder treats spaces at the very beginning of a text. */
export type LeadingSpaces = {
  /** Spaces taken off the beginning, at most. */
  readonly count: number;
  /** Only the first token's own spaces are taken off. */
  readonly firstTokenOnly: boolean;
};

export type DecoderRules = {
  /** Characters of the byte alphabet stand for bytes. */
  readonly byteLevel: boolean;
  /** `<0xNN>` stands for a byte. */
  readonly byteFallback: boolean;
  /** Replacements inside each token, in order; no content is longer than its pattern. */
  readonly replacements: readonly { readonly pattern: string; readonly content: string }[];
  readonly leadingSpaces: LeadingSpaces;
};

type MutableRules = {
  byteLevel: boolean;
  byteFallback: boolean;
  replacements: { pattern: string; content: string }[];
  leadingSpaces: LeadingSpaces;
};

/** @throws StartupError when the decoder is missing, or is of a kind that is not supported. */
export function readDecoderRules(tokenizerJson: unknown): DecoderRules {
  const decoder = requireObject(tokenizerJson, 'tokenizer.json')['decoder'];
  const rules: MutableRules = {
    byteLevel: false,
    byteFallback: false,
    replacements: [],
    leadingSpaces: { count: 0, firstTokenOnly: false },
  };
  for (const step of decoderSteps(decoder)) applyStep(step, rules);
  return rules;
}

function decoderSteps(decoder: unknown): readonly JsonObject[] {
  if (!isJsonObject(decoder)) throw unsupported('none');
  if (decoder['type'] !== 'Sequence') return [decoder];
  const steps = decoder['decoders'];
  if (!Array.isArray(steps)) throw unsupported('a Sequence without decoders');
  return steps.map((step: unknown) => requireObject(step, 'a decoder of tokenizer.json'));
}

function applyStep(step: JsonObject, rules: MutableRules): void {
  switch (step['type']) {
    case 'ByteLevel':
      rules.byteLevel = true;
      return;
    case 'ByteFallback':
      rules.byteFallback = true;
      return;
    case 'Fuse':
      return;
    case 'Replace':
      rules.replacements.push(replacement(step));
      return;
    case 'Metaspace':
      rules.replacements.push({ pattern: String(step['replacement'] ?? '\u2581'), content: ' ' });
      if (addsPrefixSpace(step)) {
        rules.leadingSpaces = { count: Number.POSITIVE_INFINITY, firstTokenOnly: true };
      }
      return;
    case 'Strip':
      rules.leadingSpaces = { count: strippedSpaces(step), firstTokenOnly: false };
      return;
    default:
      throw unsupported(String(step['type']));
  }
}

function replacement(step: JsonObject): { pattern: string; content: string } {
  const pattern = isJsonObject(step['pattern']) ? step['pattern']['String'] : null;
  const content = step['content'];
  if (typeof pattern !== 'string' || typeof content !== 'string' || pattern.length < content.length) {
    throw unsupported(`Replace with ${JSON.stringify(step['pattern'])}`);
  }
  return { pattern, content };
}

/** Older files say `add_prefix_space`, newer ones `prepend_scheme`. */
function addsPrefixSpace(step: JsonObject): boolean {
  if (step['prepend_scheme'] !== undefined) return step['prepend_scheme'] !== 'never';
  return step['add_prefix_space'] !== false;
}

function strippedSpaces(step: JsonObject): number {
  const { content, start, stop } = step;
  if (content !== ' ' || typeof start !== 'number' || (stop !== undefined && stop !== 0)) {
    throw unsupported(`Strip of ${JSON.stringify(step)}`);
  }
  return start;
}

function unsupported(what: string): StartupError {
  return new StartupError(
    `decoder of tokenizer.json is not supported: ${what}; ByteLevel, and ByteFallback, Metaspace, Fuse, ` +
      'Replace of plain text, Strip of leading spaces are',
  );
}
