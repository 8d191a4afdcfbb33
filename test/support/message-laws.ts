/** What the content, the thoughts and the calls of a choice keep to, whatever was asked for. */

import { Ajv } from 'ajv';
import { type Asked, type AskedForm, type AskedTools, promptsOf } from './asked.ts';
import type { Call, Choice, Json } from './joined-answer.ts';
import { TOKENS, UNHOLDABLE } from './request-parts.ts';
import { type Told, withoutSpecial } from './token-laws.ts';

const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: true });

export function messageFaults(told: Told): readonly string[] {
  const text = ownText(told);
  if (text === null) return ['echo: does not begin with the prompt'];
  return [
    ...stopFaults(told, text),
    ...formFaults(told, text),
    ...callFaults(told),
    ...outputFaults(told, text),
  ];
}

/** Without an echoed prompt; null where that is not there. */
function ownText({ choice, asked, index }: Told): string | null {
  if (asked.body['echo'] !== true) return choice.text;
  const prompt = promptsOf(asked.body)[Math.floor(index / asked.toldCount)];
  // Token ids are told as their text, which only the server knows.
  if (typeof prompt !== 'string') return '';
  return choice.text.startsWith(prompt) ? choice.text.slice(prompt.length) : null;
}

/** Where nothing was called, all content is in one piece; the text of the first tokens may be anything. */
function stopFaults({ choice, asked }: Told, text: string): readonly string[] {
  if (choice.calls.length > 0 || asked.tokensMin > 0) return [];
  const found = asked.stops.filter((stop) => text.includes(stop));
  return found.map((stop) => `stop: ${JSON.stringify(stop)} is in ${JSON.stringify(text)}`);
}

function formFaults({ choice, asked }: Told, text: string): readonly string[] {
  const { form, tools, stops } = asked;
  const isWhole = choice.finish === 'stop' && stops.length === 0;
  if (form === null || tools?.mustCall === true || choice.calls.length > 0 || !isWhole) return [];
  if (asked.body['echo'] === true && text === '') return [];
  const answer = isInline(asked) ? text.replace(/^[\s\S]*<\/think>\s*/, '') : text;
  const begun = begunJson(asked);
  const fault = begun === '' ? misfit(form, answer) : misfit(form, begun + answer) && misfit(form, answer);
  return fault === null ? [] : [`form: ${fault}: ${JSON.stringify(text)}`];
}

/** JSON in the message that is continued, which the output goes on from where it is a beginning of the form. */
function begunJson({ body, form }: Asked): string {
  const isJson = form?.kind === 'object' || form?.kind === 'schema';
  if (!isJson || body['continue_final_message'] !== true) return '';
  const { content } = (body['messages'] as readonly Json[]).at(-1)!;
  return String(content).startsWith('{') ? String(content) : '';
}

function misfit(form: AskedForm, text: string): string | null {
  switch (form.kind) {
    case 'choice':
      return form.choices.includes(text) ? null : 'none of the choices';
    case 'pattern':
      return new RegExp(`^(?:${form.pattern})$`, 'u').test(text) ? null : 'not what the expression says';
    case 'object':
      return schemaMisfit({ type: 'object' }, text);
    case 'schema':
      return schemaMisfit(form.schema, text);
  }
}

function schemaMisfit(schema: Json, text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return ajv.validate(schema, value) ? null : ajv.errorsText();
  } catch {
    return 'no JSON';
  }
}

function callFaults({ choice, asked }: Told): readonly string[] {
  const { calls, finish } = choice;
  const { tools } = asked;
  if (tools === null) return calls.length === 0 && finish !== 'tool_calls' ? [] : ['calls: none may be made'];
  const faults = calls.flatMap((call, place) => {
    const isCut = finish === 'length' && place === calls.length - 1;
    return callFaultsOf(call, asked, tools, isCut);
  });
  if (tools.isSingle && calls.length > 1) faults.push(`calls: ${calls.length} at once`);
  // Thoughts may stand there, where they are not told apart.
  const isThought = isInline(asked) && (asked.opensThoughts || /^\s*<think>/.test(choice.text));
  if (tools.mustCall && choice.text !== '' && !isThought) faults.push('calls: content beside demanded ones');
  return finish === 'length' ? faults : [...faults, ...callEndFaults(choice, tools)];
}

function callEndFaults({ calls, finish }: Choice, { mustCall, isNamed }: AskedTools): readonly string[] {
  if (mustCall && calls.length === 0) return ['calls: none, and one is demanded'];
  const end = calls.length > 0 && !isNamed ? 'tool_calls' : 'stop';
  return finish === end ? [] : [`calls: ${finish} behind ${calls.length} calls`];
}

function callFaultsOf(call: Call, asked: Asked, tools: AskedTools, isCut: boolean): readonly string[] {
  const called = tools.callable.get(call.name);
  if (called === undefined) return [`calls: of ${call.name}, which may not be called`];
  if (isCut) return [];
  const { parameters = { type: 'object', maxProperties: 0 }, strict } = called;
  const isHeld = tools.mustCall || strict === true || (isAnnounced(asked) && !UNHOLDABLE.includes(call.name));
  const fault = schemaMisfit(isHeld ? parameters : { type: 'object' }, call.arguments);
  return fault === null ? [] : [`calls: ${fault}: ${call.arguments}`];
}

/** Calls that a token announces fit their schemas, unless the request forbids or ends at tokens. */
function isAnnounced({ body, stopTokenIds }: Asked): boolean {
  const endsAtMark = stopTokenIds.has(TOKENS.toolCall) || stopTokenIds.has(TOKENS.toolCallEnd);
  return body['allowed_token_ids'] === undefined && body['bad_words'] === undefined && !endsAtMark;
}

function isInline({ endpoint, body }: Asked): boolean {
  return endpoint === 'completions' || body['separate_reasoning'] === false;
}

/** All of the output is told: in its order, and but for white space and marks unchanged. */
function outputFaults(told: Told, text: string): readonly string[] {
  const { asked, choice, output } = told;
  // What follows broken characters depends on where special tokens cut them.
  if (output === null || asked.body['echo'] === true || output.includes('\uFFFD')) return [];
  const said = withoutSpecial(output);
  return asked.tools === null ? plainFaults(asked, choice, said, text) : calledFaults(asked, choice, said);
}

/** Without tools there are thoughts, if any, and content, up to a stop string. */
function plainFaults(asked: Asked, choice: Choice, said: string, text: string): readonly string[] {
  const { thoughts, content } = toldApart(asked, said);
  const isHidden = asked.body['include_reasoning'] === false;
  const faults: string[] = [];
  if (choice.reasoning !== (isHidden ? '' : thoughts)) {
    faults.push(`text: thoughts ${JSON.stringify(choice.reasoning)} of ${JSON.stringify(said)}`);
  }
  const end = asked.tokensMin > 0 ? { text: content, isCut: false } : stopped(content, asked.stops);
  const isRight = asked.tokensMin > 0 ? content.startsWith(text) : text === end.text;
  if (!isRight) faults.push(`text: ${JSON.stringify(text)} of ${JSON.stringify(said)}`);
  if (end.isCut && choice.finish !== 'stop') faults.push(`text: ${choice.finish} at a stop string`);
  return faults;
}

const trimmed = (text: string): string => text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');

function toldApart(asked: Asked, said: string): { readonly thoughts: string; readonly content: string } {
  const { opensThoughts, closesThoughts } = asked;
  const hidden = isInline(asked) || closesThoughts;
  const opening = /^[ \t\r\n]*<think>/.exec(said);
  if (hidden || (opening === null && !opensThoughts)) return { thoughts: '', content: said };
  const inner = opensThoughts ? said : said.slice(opening![0].length);
  const end = inner.indexOf('</think>');
  if (end < 0) return { thoughts: trimmed(inner), content: '' };
  const content = inner.slice(end + '</think>'.length).replace(/^[ \t\r\n]+/, '');
  return { thoughts: trimmed(inner.slice(0, end)), content };
}

/** Up to the stop string that is complete first, the longest of them. */
function stopped(text: string, stops: readonly string[]): { readonly text: string; readonly isCut: boolean } {
  let [first, length] = [Number.POSITIVE_INFINITY, 0];
  for (const stop of stops.filter((each) => text.includes(each))) {
    const end = text.indexOf(stop) + stop.length;
    if (end < first || (end === first && stop.length > length)) [first, length] = [end, stop.length];
  }
  return length === 0 ? { text, isCut: false } : { text: text.slice(0, first - length), isCut: true };
}

function calledFaults(asked: Asked, choice: Choice, said: string): readonly string[] {
  if (asked.stops.length > 0 || asked.body['include_reasoning'] === false) return [];
  const around = aroundCalls(said, choice, asked.tools!);
  const known = solid(choice.reasoning + choice.text);
  // What can only be a call and is cut off before its name is not told.
  const isCut = choice.finish === 'length' && known === solid(around.replace(/<tool_call>\s*(\{.*)?$/, ''));
  return known === solid(around) || isCut
    ? []
    : [`message: ${JSON.stringify(known)} of ${JSON.stringify(said)}`];
}

/** The output without its calls, from the mark of each to its end; nothing follows one that had to be the only one. */
function aroundCalls(said: string, { calls }: Choice, { isSingle }: AskedTools): string {
  let [rest, around] = [said, ''];
  for (const call of calls) {
    const begin = rest.search(new RegExp(`<tool_call>\\s*\\{"name":\\s*"${call.name}`));
    if (begin < 0) return said;
    around += rest.slice(0, begin);
    rest = behindCall(rest.slice(begin), call);
  }
  return calls.length > 0 && isSingle ? around : around + rest;
}

function behindCall(text: string, { name, arguments: json }: Call): string {
  const end = text.indexOf(json, text.indexOf(name) + name.length);
  // No arguments at all: it was cut off before them.
  if (json === '' || end < 0) return '';
  return text.slice(end + json.length).replace(/^\s*\}?\s*(<\/tool_call>)?/, '');
}

function solid(text: string): string {
  return text.replace(/<\/?think>|\s+/g, '');
}
