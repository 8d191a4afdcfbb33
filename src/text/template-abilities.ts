/**
 * What a chat template can show, found out by rendering small conversations and looking at what comes out: the
 * template's own text is too varied to be read. A template that raises an error shows nothing.
 */

import type { JsonObject } from '../base/json-object.ts';

export type TemplateAbilities = {
  /** Contents are strings, or lists of parts. */
  readonly contentForm: 'text' | 'parts';
  /** A system message is shown. */
  readonly system: boolean;
  /** … and one of a developer too; where none is, no error is raised. */
  readonly developer: boolean;
  /**
   * Roles of which one message is shown and two that follow each other are not (those of the system at the beginning): some
   * templates raise an error then, or show the first alone.
   */
  readonly singleRoles: ReadonlySet<string>;
  /** A developer's message behind one of the system is shown, and so is that. */
  readonly developerBesideSystem: boolean;
  /** Descriptions of tools are shown, and a tool may lack its own and those of its parameters. */
  readonly tools: boolean;
  /** Calls in an assistant's message are shown. */
  readonly calls: boolean;
  /** … and the text of such a message beside them; some templates leave it out. */
  readonly textBesideCalls: boolean;
  /** Several calls in one message are shown; some templates raise an error then, or show the first alone. */
  readonly severalCalls: boolean;
  /** Messages of role `tool` are shown. */
  readonly results: boolean;
  /** Roles whose messages' names are shown. */
  readonly namedRoles: ReadonlySet<string>;
  /** Arguments of calls are given as an object, or as JSON text. */
  readonly argumentsForm: 'object' | 'text';
  /** What stands for the content of a message that only calls. */
  readonly emptyContent: '' | null;
  /** Ids of calls must have nine letters and digits. */
  readonly wantsShortCallIds: boolean;
  /** How a call of `PROBE_FUNCTION` is shown, with what follows it; `null` where none is. */
  readonly shownCall: string | null;
};

/** @returns what the template makes of it, without an assistant's turn at the end; `null` when it raises an error. */
export type ProbeRun = (messages: readonly JsonObject[], tools: readonly JsonObject[]) => string | null;

export const PROBE_FUNCTION = 'probe_function';
const PROBE_KEY = 'probe_key';
const PROBE_VALUE = 'probe value';
const USER = 'user probe';
const NAME = 'probe_name';
const SHORT_ID = 'abcDE1234';
const LONG_ID = 'call_abcDE1234567890';

const TOOL: JsonObject = {
  type: 'function',
  function: {
    name: PROBE_FUNCTION,
    description: 'Probe.',
    parameters: { type: 'object', properties: { [PROBE_KEY]: { type: 'string' } }, required: [PROBE_KEY] },
  },
};

const BARE_TOOL: JsonObject = {
  type: 'function',
  function: {
    name: PROBE_FUNCTION,
    parameters: { type: 'object', properties: { [PROBE_KEY]: { type: 'string' } } },
  },
};

export function probeTemplate(run: ProbeRun): TemplateAbilities {
  const contentForm = contentFormOf(run);
  const say = (role: string, text: string): JsonObject => ({
    role,
    content: contentForm === 'text' ? text : [{ type: 'text', text }],
  });
  const user = say('user', USER);
  const shows = (text: string | null, what: string): boolean => text?.includes(what) ?? false;
  const runWithTools = (messages: readonly JsonObject[]) => run(messages, []) ?? run(messages, [TOOL]);
  const result = { ...say('tool', 'probe result'), name: PROBE_FUNCTION, tool_call_id: SHORT_ID };
  const answer = say('assistant', 'assistant probe');
  const callForm = callFormOf(runWithTools, (call) => [user, call, result, answer]);
  const { call } = callForm;
  const shownCall = runWithTools([user, call(SHORT_ID)]);
  const calls = shows(shownCall, PROBE_FUNCTION);
  const called = calls ? call(SHORT_ID) : answer;
  const system = say('system', 'system probe');
  const showsSystem = shows(run([system, user], []), 'system probe');
  const developer = say('developer', 'developer probe');
  const ofDeveloper = run([developer, user], []);
  const ofBoth = run([system, developer, user], []);
  const ofTextAndCall = runWithTools([user, { ...call(SHORT_ID), content: answer['content'] }]);
  const named = (message: JsonObject): JsonObject => ({ ...message, name: NAME });
  const namedConversations: Readonly<Record<string, readonly JsonObject[]>> = {
    system: [named(system), user],
    user: [named(user)],
    assistant: [user, named(answer)],
    tool: [user, called, named(result)],
  };
  return {
    contentForm,
    system: showsSystem,
    developer: ofDeveloper !== null && (shows(ofDeveloper, 'developer probe') || !showsSystem),
    singleRoles: singleRolesOf((messages) => run(messages, []), say),
    developerBesideSystem: ['system probe', 'developer probe'].every((text) => shows(ofBoth, text)),
    tools: [TOOL, BARE_TOOL].every((tool) => shows(run([user], [tool]), PROBE_FUNCTION)),
    calls,
    textBesideCalls: ['assistant probe', PROBE_FUNCTION].every((text) => shows(ofTextAndCall, text)),
    severalCalls:
      (runWithTools([user, call(SHORT_ID, 2), result, result])?.split(PROBE_VALUE).length ?? 0) > 2,
    results: shows(runWithTools([user, called, result]), 'probe result'),
    namedRoles: new Set(
      Object.keys(namedConversations).filter((role) => shows(run(namedConversations[role]!, []), NAME)),
    ),
    argumentsForm: callForm.argumentsForm,
    emptyContent: callForm.emptyContent,
    wantsShortCallIds: calls && run([user, call(LONG_ID)], []) === null,
    shownCall: calls ? shownCall!.slice(shownCall!.lastIndexOf(USER) + USER.length) : null,
  };
}

function singleRolesOf(
  run: (messages: readonly JsonObject[]) => string | null,
  say: (role: string, text: string) => JsonObject,
): ReadonlySet<string> {
  const [user, answer] = [say('user', USER), say('assistant', 'assistant probe')];
  const conversations = {
    system: (told: JsonObject[]) => [...told, user],
    user: (told: JsonObject[]) => [...told, answer],
    assistant: (told: JsonObject[]) => [user, ...told, user],
  };
  const isSingle = ([role, of]: [string, (told: JsonObject[]) => JsonObject[]]): boolean => {
    const shows = (...texts: string[]): boolean => {
      const text = run(of(texts.map((each) => say(role, each))));
      return text !== null && texts.every((each) => text.includes(each));
    };
    return shows('first probe') && !shows('first probe', 'second probe');
  };
  return new Set(Object.entries(conversations).flatMap((each) => (isSingle(each) ? [each[0]] : [])));
}

/** Some templates print a string content, some only a list of parts. */
function contentFormOf(run: ProbeRun): 'text' | 'parts' {
  const shows = (content: unknown): boolean => run([{ role: 'user', content }], [])?.includes(USER) ?? false;
  return !shows(USER) && shows([{ type: 'text', text: USER }]) ? 'parts' : 'text';
}

type CallForm = Pick<TemplateAbilities, 'argumentsForm' | 'emptyContent'> & {
  readonly call: (id: string, count?: number) => JsonObject;
};

/**
 * The first form in which a call's arguments are shown, and nothing else in their place, when the call is the last message
 * and when it was answered: some templates read an earlier message's content, and not the last one's.
 */
function callFormOf(
  run: (messages: readonly JsonObject[]) => string | null,
  answered: (call: JsonObject) => readonly JsonObject[],
): CallForm {
  const forms: CallForm[] = [];
  for (const argumentsForm of ['object', 'text'] as const) {
    for (const emptyContent of [null, ''] as const) {
      const value = { [PROBE_KEY]: PROBE_VALUE };
      const given = argumentsForm === 'object' ? value : JSON.stringify(value);
      const called = { name: PROBE_FUNCTION, arguments: given };
      const call = (id: string, count = 1): JsonObject => ({
        role: 'assistant',
        content: emptyContent,
        tool_calls: Array.from({ length: count }, () => ({ id, type: 'function', function: called })),
      });
      forms.push({ argumentsForm, emptyContent, call });
    }
  }
  const shows = ({ call }: CallForm): boolean => {
    const text = run(answered(call(SHORT_ID)).slice(0, 2)) ?? '';
    const shown = text.slice(text.lastIndexOf(USER) + USER.length);
    return shown.includes(PROBE_VALUE) && !/None|null|undefined|\[object/.test(shown);
  };
  const fits = (form: CallForm): boolean => shows(form) && run(answered(form.call(SHORT_ID))) !== null;
  return forms.find(fits) ?? forms.find(shows) ?? forms[0]!;
}
