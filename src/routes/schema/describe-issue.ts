/**
 * One zod issue told as OpenAI tells it: the path of the field, what was expected, what came. Never repeats the
 * value itself, only its type: values may be long, and may be secrets.
 */

import type { z } from 'zod';
import { isJsonObject } from '../../base/json-object.ts';
import { NO_TAGS } from './field-tables.ts';
import { pathText } from './fields.ts';

export type IssueDescription = {
  readonly code:
    | 'missing_required_parameter'
    | 'invalid_type'
    | 'invalid_value'
    /** The value is OpenAI's, but this server does not serve it. */
    | 'unsupported_parameter';
  /** For example `messages[2].content`; empty for the body itself. */
  readonly param: string;
  readonly message: string;
};

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Kinds of messages, content parts, tool calls and formats that OpenAI or other servers know and this one does not. */
const UNSERVED_KINDS: ReadonlySet<unknown> = new Set([
  'function',
  'image_url',
  'input_audio',
  'file',
  'custom',
  'input_image',
  'input_file',
  'grammar',
  'mcp',
  'file_search',
  'web_search',
  'web_search_preview',
  'code_interpreter',
  'image_generation',
  'shell',
  'apply_patch',
  'compaction',
  'web_search_call',
  'file_search_call',
  'computer_call',
  'computer_call_output',
  'code_interpreter_call',
  'image_generation_call',
  'custom_tool_call',
  'custom_tool_call_output',
  'mcp_call',
  'mcp_list_tools',
  'structural_tag',
]);

const EXPECTATIONS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  null: 'null',
};

function valueAt(body: unknown, path: Path): unknown {
  let value = body;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, step) ? (value as Record<PropertyKey, unknown>)[step] : undefined;
  }
  return value;
}

function typeText(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

/** An issue, and where it lies in the body: those of a union's branches tell their path from the union on. */
type Located = { readonly issue: Issue; readonly path: Path };

/**
 * The branch of a union that fits the value's type best: one whose complaint lies deeper than the value itself. Of an
 * object a complaint about the value itself, such as that it is none of some words, is about its type; so it is of what is
 * no text.
 */
function innermost(located: Located, body: unknown): Located {
  const { issue, path } = located;
  if (issue.code !== 'invalid_union') return located;
  const firsts = issue.errors.flatMap((branch) => branch.slice(0, 1));
  const value = valueAt(body, path);
  const isDeeper = (first: Issue): boolean => first.path.length > 0;
  const isOfType = ({ code }: Issue): boolean =>
    code === 'invalid_type' || (code === 'invalid_value' && typeof value !== 'string');
  const inside = isJsonObject(value) ? firsts.find(isDeeper) : undefined;
  const best = inside ?? firsts.find((first) => isDeeper(first) || !isOfType(first));
  return best === undefined ? located : innermost({ issue: best, path: [...path, ...best.path] }, body);
}

function expectationOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return EXPECTATIONS[issue.expected] ?? issue.expected;
    case 'invalid_union': {
      if (issue.errors.length > 0) {
        return issue.errors.map((branch) => branch[0] && expectationOf(branch[0])).join(' or ');
      }
      return `one of ${optionsOf(issue)}`;
    }
    case 'invalid_value':
      return `one of ${issue.values.map((value) => `'${String(value)}'`).join(', ')}`;
    case 'too_small':
      return `${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_key':
      return issue.issues[0] === undefined ? 'another key' : expectationOf(issue.issues[0]);
    default:
      return issue.message.replace(/^expected /, '');
  }
}

function unitOf(origin: string): string {
  if (origin === 'array') return ' item(s)';
  return origin === 'string' ? ' character(s)' : '';
}

/** The values that a discriminator may have. */
function optionsOf(issue: Issue): string {
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
  // What may be left out is no option that a client could write.
  const named = options.filter((option) => option !== undefined);
  return named.map((option) => `'${String(option)}'`).join(', ');
}

function isTypeIssue(issue: Issue): boolean {
  if (issue.code === 'invalid_union') {
    return issue.errors.length > 0 && issue.errors.every((branch) => branch[0] && isTypeIssue(branch[0]));
  }
  const isCustom = issue.code === 'custom' && issue.params?.['isType'] === true;
  return isCustom || issue.code === 'invalid_type' || issue.message === 'expected an object';
}

/** @param body what was validated, for the type of the offending value. */
export function describeIssue(outer: Issue, body: unknown): IssueDescription {
  const { issue, path } = innermost({ issue: outer, path: outer.path }, body);
  const param = pathText(path);
  const value = valueAt(body, path);
  if (value === undefined) {
    const message = `Missing required parameter: '${param}'. Expected ${expectationOf(issue)}.`;
    return { code: 'missing_required_parameter', param, message };
  }
  if (issue.code === 'invalid_union' && UNSERVED_KINDS.has(value)) {
    const why = value === 'structural_tag' ? `: ${NO_TAGS}` : '';
    const message = `'${param}': '${String(value)}' is not supported by this server${why}. Expected ${expectationOf(issue)}.`;
    return { code: 'unsupported_parameter', param, message };
  }
  const expected = expectationOf(issue);
  if (isTypeIssue(issue) || (issue.code === 'invalid_union' && typeof value !== 'string')) {
    const message = `Invalid type for '${param}': expected ${expected}, but got ${typeText(value)} instead.`;
    return { code: 'invalid_type', param, message };
  }
  return { code: 'invalid_value', param, message: `Invalid value for '${param}': expected ${expected}.` };
}
