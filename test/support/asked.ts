/** What a random body asks for, with what the server puts in the place of what it leaves out. */

import type { Endpoint, Json } from './joined-answer.ts';
import { type CHOICES, GRAMMARS, TOKENS } from './request-parts.ts';

export type Asked = {
  readonly endpoint: Endpoint;
  readonly body: Json;
  /** Choices that are told of each prompt, and those that are generated. */
  readonly toldCount: number;
  readonly choiceCount: number;
  readonly promptCount: number;
  readonly tokensMax: number;
  readonly tokensMin: number;
  readonly stops: readonly string[];
  readonly stopTokenIds: ReadonlySet<number>;
  /** Alternatives told of each token; null: no log probabilities. */
  readonly topCount: number | null;
  readonly tools: AskedTools | null;
  /** What content has to look like. */
  readonly form: AskedForm | null;
  /** The prompt ends inside of thoughts, or behind them. */
  readonly opensThoughts: boolean;
  readonly closesThoughts: boolean;
};

export type AskedFunction = { readonly name: string; readonly parameters?: Json; readonly strict?: boolean };

export type AskedTools = {
  readonly callable: ReadonlyMap<string, AskedFunction>;
  readonly mustCall: boolean;
  readonly isNamed: boolean;
  readonly isSingle: boolean;
};

export type AskedForm =
  | { readonly kind: 'object' }
  | { readonly kind: 'schema'; readonly schema: Json }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'choice'; readonly choices: (typeof CHOICES)[number] };

export function askedOf(endpoint: Endpoint, body: Json): Asked {
  const { n, best_of, stop, stop_token_ids, min_tokens, ignore_eos } = body;
  const endOfText = ignore_eos === true ? [] : [TOKENS.endOfText, TOKENS.turnEnd];
  const toldCount = (n as number | undefined) ?? 1;
  return {
    endpoint,
    body,
    toldCount,
    choiceCount: (best_of as number | undefined) ?? toldCount,
    promptCount: promptsOf(body).length,
    tokensMax: (body['max_completion_tokens'] ?? body['max_tokens'] ?? 16) as number,
    tokensMin: (min_tokens as number | undefined) ?? 0,
    stops: ((typeof stop === 'string' ? [stop] : (stop ?? [])) as string[]).filter(isText),
    stopTokenIds: new Set([...endOfText, ...((stop_token_ids ?? []) as number[])]),
    topCount: topCountOf(endpoint, body),
    tools: toolsOf(body),
    form: formOf(body),
    ...thoughtsOf(body),
  };
}

function thoughtsOf(body: Json): Pick<Asked, 'opensThoughts' | 'closesThoughts'> {
  if (body['continue_final_message'] === true) {
    const last = (body['messages'] as Json[]).at(-1)!['content'] as string;
    const opensThoughts = last.lastIndexOf('<think>') > last.lastIndexOf('</think>');
    return { opensThoughts, closesThoughts: !opensThoughts };
  }
  const { enable_thinking = body['reasoning_effort'] === 'none' ? false : undefined } = (body[
    'chat_template_kwargs'
  ] ?? {}) as { enable_thinking?: boolean };
  const closesThoughts = enable_thinking === false && body['add_generation_prompt'] !== false;
  return { opensThoughts: false, closesThoughts };
}

/** Half of a surrogate pair is never in a text. */
function isText(stop: string): boolean {
  return !/\p{Surrogate}/u.test(stop);
}

/** Prompts of a completion; the one of a chat is not told. */
export function promptsOf({ prompt }: Json): readonly unknown[] {
  if (!Array.isArray(prompt) || typeof prompt[0] === 'number') return [prompt];
  return prompt;
}

function topCountOf(endpoint: Endpoint, { logprobs, top_logprobs }: Json): number | null {
  if (endpoint === 'completions') return (logprobs as number | undefined) ?? null;
  return logprobs === true ? ((top_logprobs as number | undefined) ?? 0) : null;
}

type Choice = string | { readonly type: string; readonly [key: string]: unknown } | undefined;
type Named = { readonly function: AskedFunction };

function toolsOf(body: Json): AskedTools | null {
  const tools = body['tools'] as Named[] | undefined;
  const choice = body['tool_choice'] as Choice;
  if (tools === undefined || choice === 'none') return null;
  const isNamed = typeof choice === 'object' && choice.type === 'function';
  const allowed =
    typeof choice === 'object' ? (choice['allowed_tools'] as AllowedTools | undefined) : undefined;
  const named = isNamed ? [choice as unknown as Named] : (allowed?.tools ?? tools);
  const names = new Set(named.map((each) => each.function.name));
  return {
    callable: new Map(
      tools
        .filter((each) => names.has(each.function.name))
        .map((each) => [each.function.name, each.function]),
    ),
    mustCall: choice === 'required' || isNamed || allowed?.mode === 'required',
    isNamed,
    isSingle: isNamed || body['parallel_tool_calls'] === false,
  };
}

type AllowedTools = { readonly mode: string; readonly tools: readonly Named[] };

function formOf(body: Json): AskedForm | null {
  const format = body['response_format'] as { type: string; json_schema?: { schema: Json } } | undefined;
  if (format?.type === 'json_object') return { kind: 'object' };
  if (format?.type === 'json_schema') return { kind: 'schema', schema: format.json_schema!.schema };
  const { json, regex, choice, grammar } = (body['structured_outputs'] ?? {}) as {
    json?: Json;
    regex?: string;
    choice?: readonly string[];
    grammar?: string;
  };
  const guided = body['guided_json'] as string | undefined;
  const schema = guided === undefined ? json : (JSON.parse(guided) as Json);
  if (schema !== undefined) return { kind: 'schema', schema };
  if (choice !== undefined) return { kind: 'choice', choices: choice };
  const gbnf = grammar ?? (body['grammar'] as string | undefined);
  const pattern = regex ?? body['guided_regex'] ?? (gbnf === undefined ? undefined : GRAMMARS.get(gbnf));
  return pattern === undefined ? null : { kind: 'pattern', pattern: pattern as string };
}
