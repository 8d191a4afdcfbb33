/**
 * What language a pattern is written in. JSON Schema recommends ECMAScript's with the `u` flag, clients write whatever
 * their own language takes. Escapes that `u` has no need of are read as what they are meant to be; a pattern that is
 * none with `u` all the same is read without, but not where that silently gives it another meaning.
 */

import { type AST, RegExpParser } from '@eslint-community/regexpp';
import { ServerError } from '../../base/errors.ts';

/** Parsers repeat the whole pattern. */
const REASON_CHARACTERS_MAX = 200;

const CLASS = String.raw`\[(?:\\[\s\S]|[^\]\\])*\]?`;
const ESCAPE = String.raw`\\(?:[pPu]\{[^}]{0,64}\}|[pP]\w|u\w{4}|[\s\S])`;
/** A class, an escape, the bounds of a repetition without a least number, or any other character. */
const PIECE = new RegExp(String.raw`${CLASS}|${ESCAPE}|\{,\d+\}|[\s\S]`, 'gu');
const MEMBER_OF_CLASS = new RegExp(String.raw`${ESCAPE}|[\s\S]`, 'gu');
const ESCAPED = /\\([\s\S])/gu;
/** What `u` allows a backslash before: letters and digits, which mean something then, and what has a meaning without. */
const ESCAPABLE = /[A-Za-z\d^$\\.*+?()[\]{}|/]/;
const POSIX_CLASS = /\[:\^?[A-Za-z]+:\]$/;
/** Code points, properties and halves of surrogate pairs: without `u` letters, or one half of what is meant. */
const UNICODE_PIECE = /^\\[pP]|^\\u\{|^\\u[dD][89a-fA-F]|[\u{10000}-\u{10ffff}]/u;

/** @throws ServerError for what is no regular expression, or would be another than the one that is meant. */
export function parsePattern(pattern: string, param: string): AST.Pattern {
  const asUnicode = tryParse(pattern, true);
  if (typeof asUnicode !== 'string') return asUnicode;
  const asPlain = tryParse(withoutNeedlessEscapes(pattern), true);
  if (typeof asPlain !== 'string') return asPlain;
  const asOlder = tryParse(pattern, false);
  if (typeof asOlder === 'string') {
    const message = `'${param}' is not a regular expression: ${asUnicode.slice(0, REASON_CHARACTERS_MAX)}.`;
    throw new ServerError('invalid_request', message, { param });
  }
  refuseOtherMeanings(pattern, asPlain, param);
  return asOlder;
}

/** @returns the reason when it is none. */
function tryParse(pattern: string, unicode: boolean): AST.Pattern | string {
  try {
    return new RegExpParser({ ecmaVersion: 2025 }).parsePattern(pattern, 0, pattern.length, { unicode });
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, '');
  }
}

/** By number, so that no character becomes syntax by what stands around it, as the comma of `{1\,2}` would. */
function withoutNeedlessEscapes(pattern: string): string {
  return pattern.replace(PIECE, (piece) => {
    const isClass = piece.startsWith('[');
    if (!isClass && !piece.startsWith('\\')) return piece;
    return piece.replace(ESCAPED, (written, character: string) =>
      ESCAPABLE.test(character) || (isClass && character === '-')
        ? written
        : `\\u{${character.codePointAt(0)!.toString(16)}}`,
    );
  });
}

function refuseOtherMeanings(pattern: string, reason: string, param: string): void {
  const pieces = pattern.match(PIECE) ?? [];
  for (const piece of pieces) {
    const foreign = foreignConstruct(piece);
    if (foreign === null) continue;
    const message = `'${param}' holds ${foreign}, which ECMAScript does not have.`;
    throw new ServerError('unsupported_parameter', message, { param });
  }
  const unicodePiece = pieces.map(firstUnicodePiece).find((piece) => piece !== null);
  if (unicodePiece === undefined) return;
  const why = reason.slice(reason.lastIndexOf('/u: ') + '/u: '.length);
  const message = `'${param}' holds ${unicodePiece}, which needs the flag u, and is no expression with that: ${why}.`;
  throw new ServerError('invalid_request', message, { param });
}

function foreignConstruct(piece: string): string | null {
  if (/^\\[AZz]$/.test(piece)) {
    return `an anchor of other languages, ${piece} (write ${piece === '\\A' ? '^' : '$'})`;
  }
  const posix = POSIX_CLASS.exec(piece);
  if (piece.startsWith('[') && posix !== null) return `a POSIX class, ${posix[0]}`;
  return /^\{,/.test(piece)
    ? `a repetition without a least number, ${piece} (write {0${piece.slice(1)})`
    : null;
}

/** The piece itself, or the first such member where it is a class. */
function firstUnicodePiece(piece: string): string | null {
  const parts = piece.startsWith('[') ? (piece.match(MEMBER_OF_CLASS) ?? []) : [piece];
  return parts.find((part) => UNICODE_PIECE.test(part)) ?? null;
}
