/**
 * What every answer keeps to, whatever was asked for: an exchange -> what is wrong with it. Here is what whole, streamed
 * and repeated answers have in common, and what errors and usage say; `token-laws.ts` and `message-laws.ts` have the rest.
 */

import { type Asked, askedOf } from './asked.ts';
import type { Answer, Choice, Json, TokenEntry } from './joined-answer.ts';
import { messageFaults } from './message-laws.ts';
import type { Exchange } from './sent-request.ts';
import { tokenFaults } from './token-laws.ts';

/** @returns a line for each law that is broken, which begins with the law's name. */
export function faultsOf(sent: Exchange): readonly string[] {
  const { endpoint, body, whole, streamed, repeated, bare } = sent;
  const asked = askedOf(endpoint, body);
  const faults = [
    ...whole.faults.map((fault) => `whole: ${fault}`),
    ...(streamed?.faults ?? []).map((fault) => `streamed: ${fault}`),
    ...errorFaults(whole, body),
    ...(streamed === null ? [] : differences(whole, streamed).map((fault) => `streamed: ${fault}`)),
    ...(bare === null ? [] : bareDifferences(whole, bare).map((fault) => `bare: ${fault}`)),
    ...differences(whole, repeated).map((fault) => `repeated: ${fault}`),
  ];
  if (whole.status !== 200) return faults;
  faults.push(...usageFaults(whole, asked), ...cacheFaults(sent, asked));
  const count = asked.toldCount * asked.promptCount;
  if (whole.choices.length !== count) faults.push(`choices: ${whole.choices.length} instead of ${count}`);
  if (sent.rendered !== null) {
    faults.push(...difference('rendered prompt', whole.choices[0]!.promptTokenIds, sent.rendered));
  }
  if (sent.goingOn !== null && sent.goingOn !== 200) faults.push(`history: status ${sent.goingOn}`);
  if (isGreedy(body)) faults.push(...greedyFaults(whole, asked));
  for (const [index, choice] of whole.choices.entries()) {
    const told = { choice, index, asked, output: sent.outputs[index] ?? null, banned: sent.banned };
    faults.push(...tokenFaults(told), ...messageFaults(told));
  }
  return faults;
}

/** All choices of a prompt are the same. */
function isGreedy({ temperature, top_p, top_k }: Json): boolean {
  return temperature === 0 || top_p === 0 || top_k === 1;
}

function greedyFaults({ choices }: Answer, { toldCount }: Asked): readonly string[] {
  return choices.flatMap((choice, index) => {
    const first = choices[index - (index % toldCount)]!;
    return SAID.flatMap((key) => difference(`choice: ${key} (${index})`, first[key], choice[key]));
  });
}

function errorFaults({ status, error }: Answer, body: Json): readonly string[] {
  if (status === 200) return [];
  if (status < 400 || status >= 500) return [`error: status ${status}`];
  if (error === null || error.message === '') return ['error: says nothing'];
  return error.param === null || isPathIn(error.param, body) ? [] : [`error: no ${error.param} in the body`];
}

/** Whether there is something in the body at this path, such as `tools[0].function.name`. */
function isPathIn(path: string, body: Json): boolean {
  let rest: unknown = body;
  for (const key of path.split(/\.|\[|\]\.?/).filter((each) => each !== '')) {
    if (typeof rest !== 'object' || rest === null || !Object.hasOwn(rest, key)) return false;
    rest = (rest as Json)[key];
  }
  return true;
}

const told = JSON.stringify;

function difference(what: string, value: unknown, other: unknown): readonly string[] {
  return told(value) === told(other) ? [] : [`another ${what}: ${told(value)} and ${told(other)}`];
}

/** Of which the cached tokens alone may differ, and scores of the prompt, which are not streamed. */
export function differences(whole: Answer, other: Answer): readonly string[] {
  if (whole.status !== 200 || other.status !== 200) {
    return [
      ...difference('status', whole.status, other.status),
      ...difference('error', whole.error, other.error),
    ];
  }
  if (whole.choices.length !== other.choices.length) return ['another number of choices'];
  const faults = whole.choices.flatMap((choice, index) => [
    ...COMPARED.flatMap((key) => difference(`${key} (${index})`, choice[key], other.choices[index]![key])),
    ...logprobDifferences(choice, other.choices[index]!),
  ]);
  // Only there is something to be ignored.
  const isSameHeader = whole.ignored === other.ignored || other.ignored?.includes('continuous_usage_stats');
  if (!isSameHeader) faults.push(...difference('header', whole.ignored, other.ignored));
  if (other.usage !== null) faults.push(...difference('usage', sameEveryTime(whole), sameEveryTime(other)));
  return faults;
}

/** Fields that tell more decide nothing of what is said. */
function bareDifferences(whole: Answer, bare: Answer): readonly string[] {
  if (whole.status !== 200 || bare.status !== 200) return difference('status', whole.status, bare.status);
  const faults = whole.choices.flatMap((choice, index) =>
    SAID.flatMap((key) => difference(`${key} (${index})`, choice[key], bare.choices[index]?.[key])),
  );
  return [...faults, ...difference('usage', sameEveryTime(whole), sameEveryTime(bare))];
}

const SAID: readonly (keyof Choice)[] = ['text', 'reasoning', 'calls', 'finish'];
const COMPARED: readonly (keyof Choice)[] = [
  'text',
  'reasoning',
  'calls',
  'finish',
  'tokenIds',
  'promptTokenIds',
];

/** Sums of float32 in another order. */
const LOGPROB_TOLERANCE = 5e-4;

/** The same tokens, equally likely, beside alternatives of which as likely ones may have changed places. */
function logprobDifferences({ logprobs }: Choice, { logprobs: others }: Choice): readonly string[] {
  if (logprobs.length !== others.length)
    return [`another number of logprobs: ${logprobs.length}, ${others.length}`];
  return logprobs.flatMap((entry, place) => {
    const other = others[place]!;
    const isSame =
      told([entry.token, entry.bytes, entry.offset]) === told([other.token, other.bytes, other.offset]);
    const [values, otherValues] = [valuesOf(entry), valuesOf(other)];
    const areNear = values.every((value, rank) => isNear(value, otherValues[rank]));
    if (isSame && areNear && values.length === otherValues.length) return [];
    return [`another logprobs entry: ${told(entry)} and ${told(other)}`];
  });
}

function valuesOf({ logprob, top }: TokenEntry): readonly (number | null)[] {
  return [logprob, ...top.map((each) => each.logprob).sort((a, b) => b - a)];
}

function isNear(value: number | null, other: number | null | undefined): boolean {
  if (value === null || other == null) return value === other;
  return Math.abs(value - other) <= LOGPROB_TOLERANCE;
}

function sameEveryTime({ usage }: Answer): unknown {
  const reasoningTokens = usage?.completion_tokens_details?.reasoning_tokens;
  const completion_tokens_details = { reasoning_tokens: reasoningTokens };
  return usage && { ...usage, prompt_tokens_details: null, completion_tokens_details };
}

function usageFaults({ usage, choices }: Answer, asked: Asked): readonly string[] {
  const { prompt_tokens, completion_tokens, total_tokens, completion_tokens_details: details } = usage!;
  const faults: string[] = [];
  const { promptCount, choiceCount, toldCount, tokensMax } = asked;
  if (prompt_tokens + completion_tokens !== total_tokens) faults.push('usage: does not add up');
  if (completion_tokens > promptCount * choiceCount * tokensMax) faults.push('usage: above max_tokens');
  if ((details?.accepted_prediction_tokens ?? 0) > completion_tokens)
    faults.push('usage: more predicted than told');
  if ((details?.reasoning_tokens ?? 0) > completion_tokens) faults.push('usage: more thoughts than tokens');
  if (choices.every(({ tokenIds }) => tokenIds !== null)) {
    const told = choices.reduce((sum, { tokenIds }) => sum + tokenIds!.length, 0);
    const isWrong = toldCount === choiceCount ? told !== completion_tokens : told > completion_tokens;
    if (isWrong) faults.push(`usage: ${completion_tokens} tokens, and ${told} told`);
  }
  const [first] = choices;
  if (promptCount === 1 && first?.promptTokenIds && first.promptTokenIds.length !== prompt_tokens) {
    faults.push(`usage: ${prompt_tokens} tokens of the prompt, and ${first.promptTokenIds.length} told`);
  }
  return faults;
}

const BLOCK_SIZE = 16;

/** A prompt that was just computed is in the cache, all but its last token, in whole blocks; scored ones do not look. */
function cacheFaults({ whole, repeated, body }: Exchange, { promptCount }: Asked): readonly string[] {
  const cached = (answer: Answer): number => answer.usage?.prompt_tokens_details?.cached_tokens ?? 0;
  if (cached(whole) > whole.usage!.prompt_tokens) return ['cache: more than the prompt'];
  const isScored =
    body['prompt_logprobs'] !== undefined || (body['echo'] === true && body['logprobs'] !== undefined);
  if (isScored) return cached(repeated) === 0 ? [] : ['cache: a scored prompt was taken from it'];
  if (promptCount > 1) return [];
  const blocks = Math.floor((whole.usage!.prompt_tokens - 1) / BLOCK_SIZE);
  return cached(repeated) === blocks * BLOCK_SIZE ? [] : [`cache: ${cached(repeated)} of ${blocks} blocks`];
}
