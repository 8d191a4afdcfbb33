/**
 * Keeps numbers of JSON as they are written on their way through a template: `1234567890123456789`, `2.0`. As values of
 * JavaScript they would come out as others, in the history of a conversation, where a model reads them. Whole numbers that
 * occur nowhere else go through in their place, so that a template sees numbers, and are exchanged in the prompt.
 */

import { ServerError } from '../base/errors.ts';

/** A string without an end takes all that is left, so that none is looked at twice. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\[\s\S])*(?:"|\\?$)|-?\d[\d.eE+-]*/g;
const INDEX_DIGITS = 6;
/** Of one conversation; a body of 4 MiB hardly holds as many. */
const NUMBERS_MAX = 10 ** INDEX_DIGITS;
/**
 * Nine digits, the first of which stands in none of the others: two never overlap. With the index they are less than
 * 2^53.
 */
const BASES = Array.from(
  { length: 32 },
  (_, i) => `9${String(12345678 + 1_010_101 * i).replaceAll('9', '0')}`,
);

const isExact = (text: string): boolean => text.startsWith('"') || String(Number(text)) === text;

/** @param json as a client sent it; of what is no JSON the answer means nothing. */
export function hasInexactNumbers(json: string): boolean {
  for (const [text] of json.matchAll(STRING_OR_NUMBER)) if (!isExact(text)) return true;
  return false;
}

export class ExactNumbers {
  readonly #base: string;
  readonly #written: string[] = [];

  /**
   * @param texts all that the template holds or is given.
   * @throws ServerError when they hold every stand-in.
   */
  constructor(texts: readonly string[]) {
    const base = BASES.find((each) => !texts.some((text) => text.includes(each)));
    if (base === undefined) throw unusable('hold every number that could stand in for another one');
    this.#base = base;
  }

  /** @param json valid JSON. @returns JSON with stand-ins for numbers that would change. */
  replaced(json: string): string {
    return json.replace(STRING_OR_NUMBER, (text) => (isExact(text) ? text : this.#standIn(text)));
  }

  /** The prompt, with the numbers as they were written. */
  restored(prompt: string): string {
    const standIn = new RegExp(`${this.#base}(\\d{${INDEX_DIGITS}})`, 'g');
    return prompt.replace(standIn, (whole, index: string) => this.#written[Number(index)] ?? whole);
  }

  #standIn(written: string): string {
    if (this.#written.length === NUMBERS_MAX) throw unusable(`hold more than ${NUMBERS_MAX} long numbers`);
    const index = this.#written.push(written) - 1;
    return this.#base + String(index).padStart(INDEX_DIGITS, '0');
  }
}

function unusable(what: string): ServerError {
  return new ServerError('invalid_request', `The arguments of the messages' calls ${what}.`, {
    param: 'messages',
  });
}
