/** Nothing of OpenAI's requests is passed over in silence, whatever value it has; see the table in `openai-fields.ts`. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import { routeTestApp } from '../support/route-test-app.ts';
import { CHAT_ROWS, COMPLETION_ROWS, type FieldRow } from './openai-fields.ts';
import { RESPONSES_ROWS } from './openai-responses-fields.ts';

/** Names of the fields of a request type of the official package. */
function officialFields(module: string, type: string): string[] {
  const url = import.meta.resolve(module);
  const types = readFileSync(new URL(url.replace(/\.m?js$/, '.d.ts')), 'utf8');
  const start = types.indexOf(`interface ${type}`);
  const body = types.slice(start, types.indexOf('\n}', start));
  return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1]!);
}

const ENDPOINTS = [
  {
    name: 'chat',
    rows: CHAT_ROWS,
    official: officialFields(
      'openai/resources/chat/completions/completions.js',
      'ChatCompletionCreateParamsBase',
    ),
  },
  {
    name: 'complete',
    rows: COMPLETION_ROWS,
    official: officialFields('openai/resources/completions.js', 'CompletionCreateParamsBase'),
  },
  {
    name: 'respond',
    rows: RESPONSES_ROWS,
    official: officialFields('openai/resources/responses/responses.js', 'ResponseCreateParamsBase'),
  },
] as const;

describe.each(ENDPOINTS)('fields of OpenAI: $name', ({ name, rows, official }) => {
  const test = routeTestApp();
  const send = async (fields: Record<string, unknown>) => {
    test.generator.requests.length = 0;
    const response = await test[name](fields);
    return { response, request: test.generator.requests[0] ?? null };
  };

  async function expectTaken(fields: Record<string, unknown>, ignored: string | null): Promise<void> {
    const { response } = await send(fields);
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get('x-octavo-ignored')).toBe(ignored);
  }

  async function expectRefused(
    fields: Record<string, unknown>,
    param: string,
    codes: string[],
  ): Promise<void> {
    const { response, request } = await send(fields);
    expect(response.status, JSON.stringify(fields)).toBe(400);
    const { error } = errorBodySchema.parse(await response.json());
    expect(error.param).toMatch(new RegExp(`^${param}(\\.|\\[|$)`));
    expect(codes).toContain(error.code);
    expect(request).toBeNull();
  }

  it('are all in the table', () => {
    expect(official.length).toBeGreaterThan(15);
    const names = rows.map(({ field }) => field);
    expect(official.filter((field) => !names.includes(field))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(rows)('$field: valid values are $outcome', async ({ field, outcome, valid, beside }: FieldRow) => {
    for (const value of valid) {
      const fields = { ...beside, [field]: value };
      if (outcome === 'refused') await expectRefused(fields, field, ['unsupported_parameter']);
      else await expectTaken(fields, outcome === 'ignored' ? field : null);
    }
  });

  it.each(rows.filter(({ wrongType }) => wrongType.length > 0))(
    '$field: values of a wrong type are not taken for something else',
    async ({ field, outcome, wrongType, beside }: FieldRow) => {
      // A field of few names is told as a value, whatever its type.
      const codes = outcome === 'refused' ? ['unsupported_parameter'] : ['invalid_type', 'invalid_value'];
      for (const value of wrongType) {
        const fields = { ...beside, [field]: value };
        if (outcome === 'ignored') await expectTaken(fields, field);
        else await expectRefused(fields, field, codes);
      }
    },
  );

  it.each(rows.filter(({ outOfRange }) => outOfRange.length > 0))(
    '$field: values out of range are refused or have no effect',
    async ({ field, outcome, outOfRange, beside }: FieldRow) => {
      const codes =
        outcome === 'refused'
          ? ['unsupported_parameter', 'invalid_value']
          : ['invalid_value', 'invalid_type', 'missing_required_parameter'];
      for (const value of outOfRange) {
        const fields = { ...beside, [field]: value };
        if (outcome === 'ignored') await expectTaken(fields, field);
        else await expectRefused(fields, field, codes);
      }
    },
  );

  it.each(rows.filter(({ neutral }) => neutral !== undefined))(
    '$field: a value that asks for nothing is taken without a word',
    async ({ field, neutral }: FieldRow) => {
      for (const value of neutral!) await expectTaken({ [field]: value }, null);
    },
  );

  it.each(rows)('$field: null is $null', async ({ field, null: meaning, beside }: FieldRow) => {
    if (meaning === 'refused') {
      await expectRefused({ [field]: null }, field, ['missing_required_parameter', 'invalid_type']);
      return;
    }
    await expectTaken({ ...beside, [field]: null }, null);
    const [withNull, without] = [await send({ ...beside, [field]: null }), await send({ ...beside })];
    expect(withNull.request).toEqual(without.request);
  });
});
