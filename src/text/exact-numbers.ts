/**
 * Keeps numbers of JSON as they are written on their way through a template: `1234567890123456789`, `2.0`. As values of
 * JavaScript they would come out as others, in the history of a conversation, where a model reads them. They go through
 * as marked strings, and the marks and the quotation marks of a template's own JSON come off the prompt.
 */

const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

const isExact = (text: string): boolean => text.startsWith('"') || String(Number(text)) === text;

/** @param json valid JSON. */
export function hasInexactNumbers(json: string): boolean {
  return json.match(STRING_OR_NUMBER)?.some((text) => !isExact(text)) ?? false;
}

/** @param json valid JSON, without the mark. @returns JSON in which numbers that would change are strings. */
export function markNumbers(json: string, mark: string): string {
  return json.replace(STRING_OR_NUMBER, (text) => (isExact(text) ? text : `"${mark}${text}${mark}"`));
}

/** The prompt, with the numbers as they were. */
export function unmarkNumbers(prompt: string, mark: string): string {
  return prompt.replace(new RegExp(`"?${mark}([^${mark}]*)${mark}"?`, 'g'), '$1');
}
