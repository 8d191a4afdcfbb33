/**
 * The held-out cases of the model in the box, and what counts as a right answer to one. Made by
 * `models/octavo-mini/train/held_out.py`, which says how they were held out. Pure: knows no server.
 */

import { isDeepStrictEqual } from 'node:util';

export type ToolCall = { readonly name: string; readonly arguments: unknown };

/** What an answer has to be; exactly one of the fields is there. */
export type Check = {
  /** One of these texts, to the letter. */
  readonly equals?: readonly string[];
  /**
   * Hero and name: the story introduces the one under the other, uses the name three times, and says no sentence so often.
   */
  readonly story?: readonly [string, string];
  /** These calls, in this order, with these arguments. */
  readonly calls?: readonly ToolCall[];
  /** This JSON object, whatever the order of its keys. */
  readonly json?: Readonly<Record<string, unknown>>;
};

export type HeldOutCase = {
  readonly set: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly tools?: readonly unknown[];
  /** For `chat_template_kwargs`. */
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly max_tokens?: number;
  readonly check: Check;
};

/** What the server answered: the text without its reasoning, and the calls. */
export type Answer = { readonly text: string; readonly calls: readonly ToolCall[] };

export type Verdict = {
  /** Row of the table that this verdict counts for. */
  readonly row: string;
  readonly right: boolean;
};

const STORY_NAME_USES = 3;
/** As often as no story of the training says a sentence. */
const STORY_SENTENCE_USES = 3;
const THOUGHT_END = '</think>';

/** One case a line. */
export function parseCases(jsonLines: string): readonly HeldOutCase[] {
  return jsonLines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HeldOutCase);
}

/** A case counts for the row of its set; one that asks for JSON also for a row of its own, of valid answers. */
export function judge(asked: HeldOutCase, answer: Answer): readonly Verdict[] {
  const text = (answer.text.split(THOUGHT_END).at(-1) ?? '').trim();
  const { json } = asked.check;
  if (json === undefined) return [{ row: asked.set, right: isRight(asked.check, text, answer.calls) }];
  const found = parsed(text);
  return [
    { row: `${asked.set}: valid`, right: hasShapeOf(found, json) },
    { row: `${asked.set}: every value right`, right: isDeepStrictEqual(found, json) },
  ];
}

function isRight(check: Check, text: string, calls: readonly ToolCall[]): boolean {
  if (check.calls !== undefined) return isDeepStrictEqual(calls, check.calls);
  if (calls.length > 0) return false;
  if (check.story !== undefined) {
    const [hero, name] = check.story;
    const keepsName = text.includes(` ${hero} called ${name}`) && text.split(name).length > STORY_NAME_USES;
    return keepsName && !repeatsItself(text);
  }
  return check.equals!.includes(text);
}

function repeatsItself(story: string): boolean {
  const uses = new Map<string, number>();
  for (const sentence of story.split(/(?<=[.!?])\s+/)) uses.set(sentence, (uses.get(sentence) ?? 0) + 1);
  return [...uses.values()].some((count) => count >= STORY_SENTENCE_USES);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An object with exactly these keys, and values of the same types. */
function hasShapeOf(found: unknown, wanted: Readonly<Record<string, unknown>>): boolean {
  if (typeof found !== 'object' || found === null) return false;
  const keys = Object.keys(wanted);
  const typeOf = (value: unknown) => (Array.isArray(value) ? 'array' : typeof value);
  return (
    Object.keys(found).length === keys.length &&
    keys.every((key) => typeOf((found as Record<string, unknown>)[key]) === typeOf(wanted[key]))
  );
}
