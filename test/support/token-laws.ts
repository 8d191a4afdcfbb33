/** What the tokens of a choice and their log probabilities keep to, whatever was asked for. */

import type { Asked } from './asked.ts';
import type { Choice, TokenEntry } from './joined-answer.ts';
import { SPECIAL_TEXTS } from './request-parts.ts';

/** A choice, and what is known of it. */
export type Told = {
  readonly choice: Choice;
  readonly index: number;
  readonly asked: Asked;
  /** Its whole output without a stop token, special tokens spelled out; null where that is not known. */
  readonly output: string | null;
  readonly banned: readonly (readonly number[])[];
};

export function tokenFaults(told: Told): readonly string[] {
  return [...endFaults(told), ...idFaults(told), ...logprobFaults(told), ...promptScoreFaults(told)];
}

/** Whether a grammar may be complete, or a message, and end the choice. */
function mayBeComplete({ form, tools }: Asked): boolean {
  return form !== null || tools !== null;
}

function endFaults({ choice, asked }: Told): readonly string[] {
  const { finish, tokenIds } = choice;
  if (tokenIds === null) return [];
  const { tokensMax, tokensMin, stops, stopTokenIds } = asked;
  const count = tokenIds.length;
  const faults: string[] = [];
  if (finish === 'length' && count !== tokensMax)
    faults.push(`end: length at ${count} of ${tokensMax} tokens`);
  if (count > tokensMax) faults.push(`end: ${count} tokens, at most ${tokensMax} wanted`);
  if (finish === 'length') return faults;
  const isTold = stopTokenIds.has(tokenIds.at(-1) ?? -1);
  if (!isTold && stops.length === 0 && !mayBeComplete(asked)) faults.push(`end: ${finish} for no reason`);
  if (count < tokensMin && !mayBeComplete(asked))
    faults.push(`end: ${count} of at least ${tokensMin} tokens`);
  return faults;
}

function idFaults({ choice, asked, banned }: Told): readonly string[] {
  const { tokenIds } = choice;
  if (tokenIds === null) return [];
  const allowed = asked.body['allowed_token_ids'] as number[] | undefined;
  const faults: string[] = [];
  if (tokenIds.slice(0, -1).some((id) => asked.stopTokenIds.has(id))) {
    faults.push('ids: goes on behind a stop token');
  }
  const isAllowed = new Set(allowed ?? tokenIds);
  if (tokenIds.some((id) => !isAllowed.has(id))) faults.push('ids: a token that is not allowed');
  const row = ` ${tokenIds.join(' ')} `;
  for (const word of banned) {
    if (row.includes(` ${word.join(' ')} `)) faults.push(`ids: a banned word, ${word.join(' ')}`);
  }
  return faults;
}

/** Of the tokens that are generated; an echoed prompt's come before them. */
function generatedEntries({ choice, asked: { body } }: Told): readonly TokenEntry[] {
  if (body['echo'] !== true || choice.promptTokenIds === null) return choice.logprobs;
  return choice.logprobs.slice(choice.promptTokenIds.length);
}

function logprobFaults(told: Told): readonly string[] {
  const { choice, asked } = told;
  if (asked.topCount === null) return choice.logprobs.length === 0 ? [] : ['logprobs: not asked for'];
  const faults = choice.logprobs.flatMap((entry, place) => entryFaults(entry, place, asked));
  return [...faults, ...countFaults(told), ...offsetFaults(told), ...spellingFaults(told)];
}

/** The tokens that are told spell the beginning of the output, at least. */
function spellingFaults(told: Told): readonly string[] {
  if (told.output === null) return [];
  const spelled = textOf(generatedEntries(told));
  const output = withoutSpecial(told.output);
  if (spelled.includes('\uFFFD') || output.startsWith(spelled) || told.asked.body['echo'] === true) return [];
  return [`logprobs: of ${JSON.stringify(spelled)}, which ${JSON.stringify(output)} does not begin with`];
}

function entryFaults(entry: TokenEntry, place: number, asked: Asked): readonly string[] {
  const { token, bytes, logprob, top } = entry;
  if (logprob === null) return asked.body['echo'] === true && place === 0 ? [] : ['logprobs: null'];
  const faults = asked.endpoint === 'chat' ? chatListFaults(entry, asked) : legacyListFaults(entry, asked);
  if (logprob > 0 || top.some((each) => each.logprob > 0)) faults.push('logprobs: above 0');
  const isName = token.startsWith('bytes:') || token.includes('\uFFFD');
  if (!isName && token !== Buffer.from(bytes).toString()) faults.push(`logprobs: ${token} is not its bytes`);
  if (top.length === 0) return faults;
  const best = Math.max(...top.map((each) => each.logprob));
  if (logprob > best) faults.push('logprobs: more likely than the most likely');
  const isBest = logprob === best || asked.topCount === 0;
  if (isGreedy(asked) && !isBest) faults.push('logprobs: not the most likely at temperature 0');
  return faults;
}

function chatListFaults({ token, logprob, top }: TokenEntry, { topCount }: Asked): string[] {
  const faults: string[] = [];
  if (top.length !== topCount) faults.push(`logprobs: ${top.length} alternatives`);
  const isSorted = top.every((each, index) => index === 0 || each.logprob <= top[index - 1]!.logprob);
  if (!isSorted) faults.push('logprobs: not the most likely first');
  const isListed = top.some((each) => each.token === token);
  const last = top.at(-1)?.logprob ?? 0;
  if (logprob! > last && !isListed) faults.push(`logprobs: ${token} is not in its list`);
  return faults;
}

/** In the legacy shape the chosen token is one more, and equal names are one. */
function legacyListFaults({ token, top }: TokenEntry, { topCount }: Asked): string[] {
  const isListed = top.some((each) => each.token === token);
  if (!isListed) return [`logprobs: ${token} is not in its list`];
  return top.length > topCount! + 1 ? [`logprobs: ${top.length} alternatives`] : [];
}

const EDITS = ['logit_bias', 'allowed_token_ids', 'bad_words', 'min_tokens', 'ignore_eos'];
const PENALTIES = ['repetition_penalty', 'presence_penalty', 'frequency_penalty'];

/** Nothing but the model decides. */
function isGreedy(asked: Asked): boolean {
  const { body } = asked;
  const isEdited = [...EDITS, ...PENALTIES].some((name) => body[name] !== undefined);
  return body['temperature'] === 0 && !isEdited && !mayBeComplete(asked) && body['echo'] !== true;
}

/** A stop token has no entry, but where the prompt's tokens are told too; what lies in a stop string has none. */
function countFaults(told: Told): readonly string[] {
  const { choice, asked } = told;
  const { tokenIds, finish } = choice;
  if (tokenIds === null) return [];
  const isStopped = asked.stopTokenIds.has(tokenIds.at(-1) ?? -1);
  const expected = tokenIds.length - (isStopped && asked.body['echo'] !== true ? 1 : 0);
  const count = generatedEntries(told).length;
  const mayBeFewer = finish !== 'length' && (asked.stops.length > 0 || asked.tools?.isSingle === true);
  if (count === expected || (mayBeFewer && count < expected)) return [];
  return [`logprobs: ${count} of ${expected} tokens`];
}

/** `text_offset` is the place of the token in the text, where it is a whole one. */
function offsetFaults({ choice, asked }: Told): readonly string[] {
  if (asked.endpoint !== 'completions') return [];
  const characters = [...choice.text];
  const faults: string[] = [];
  let before = 0;
  for (const { token, offset } of choice.logprobs) {
    if (offset! < before) faults.push('logprobs: text_offset falls');
    before = offset!;
    const isText = !token.startsWith('bytes:') && !isSpecial(token) && !choice.text.includes('\uFFFD');
    const there = characters.slice(offset, offset! + [...token].length).join('');
    // A stop string ends the text inside of a token, and a stop token that is told has no place in it.
    const isCut = choice.finish === 'stop' && token.startsWith(there);
    if (isText && there !== token && !isCut) {
      faults.push(`logprobs: ${JSON.stringify(token)} is not at ${offset} of ${JSON.stringify(choice.text)}`);
    }
  }
  return faults;
}

type PromptScore = Record<string, { readonly logprob: number; readonly rank: number | null }> | null;

function promptScoreFaults({ choice, asked: { body } }: Told): readonly string[] {
  const topCount = body['prompt_logprobs'] as number | undefined;
  if (topCount === undefined) {
    return choice.promptLogprobs === undefined ? [] : ['prompt_logprobs: not asked for'];
  }
  const { promptTokenIds } = choice;
  const scores = choice.promptLogprobs as PromptScore[];
  const faults = scores.flatMap((score, place) => {
    if (score === null) return place === 0 ? [] : ['prompt_logprobs: null'];
    return scoreFaults(score, topCount, promptTokenIds?.[place]);
  });
  if (scores[0] !== null) faults.push('prompt_logprobs: of the first token');
  if (promptTokenIds && scores.length !== promptTokenIds.length)
    faults.push('prompt_logprobs: not one a token');
  return faults;
}

function scoreFaults(
  score: NonNullable<PromptScore>,
  topCount: number,
  tokenId: number | undefined,
): string[] {
  const entries = Object.values(score);
  const faults: string[] = [];
  if (entries.length < Math.max(1, topCount) || entries.length > topCount + 1) {
    faults.push(`prompt_logprobs: ${entries.length} entries`);
  }
  if (entries.some(({ logprob }) => logprob > 0)) faults.push('prompt_logprobs: above 0');
  if (tokenId !== undefined && score[tokenId] === undefined) faults.push('prompt_logprobs: not of its token');
  return faults;
}

function textOf(entries: readonly TokenEntry[]): string {
  const said = entries.filter(({ token }) => !isSpecial(token));
  return Buffer.from(said.flatMap(({ bytes }) => bytes)).toString();
}

function isSpecial(token: string): boolean {
  return SPECIAL_TEXTS.some((text) => text === token);
}

/** As an answer tells it. */
export function withoutSpecial(text: string): string {
  return SPECIAL_TEXTS.reduce((rest, special) => rest.replaceAll(special, ''), text);
}
