/** What becomes of the fields that say what the output has to look like, at both endpoints. */

import { describe, expect, it } from 'vitest';
import { errorBodySchema } from '../../src/routes/schema/error.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import { routeTestApp } from '../support/route-test-app.ts';

const SCHEMA = {
  type: 'object',
  properties: { a: { type: 'integer' } },
  required: ['a'],
  additionalProperties: false,
};
const STRICT = { type: 'json_schema', json_schema: { name: 'x', schema: SCHEMA, strict: true } };
const schemaGrammar = (param: string, schema: unknown = SCHEMA, isCompact = false): GrammarSource => ({
  kind: 'json-schema',
  schema,
  param,
  isCompact,
});

const SERVED: readonly (readonly [Record<string, unknown>, GrammarSource | null])[] = [
  [{}, null],
  [{ response_format: null }, null],
  [{ response_format: { type: 'text' } }, null],
  [{ structured_outputs: {} }, null],
  [{ structured_outputs: { json_object: false, regex: null } }, null],
  [{ response_format: { type: 'json_object' } }, { kind: 'json-object' }],
  [{ response_format: { type: 'json_object', schema: SCHEMA } }, schemaGrammar('response_format.schema')],
  [{ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, { kind: 'json-object' }],
  [{ response_format: STRICT }, schemaGrammar('response_format.json_schema.schema')],
  [
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'x', schema: { type: 'null' }, strict: false },
      },
    },
    schemaGrammar('response_format.json_schema.schema', { type: 'null' }),
  ],
  [{ structured_outputs: { json: SCHEMA } }, schemaGrammar('structured_outputs.json')],
  [{ structured_outputs: { json: JSON.stringify(SCHEMA) } }, schemaGrammar('structured_outputs.json')],
  [
    { structured_outputs: { json: SCHEMA, disable_any_whitespace: true } },
    schemaGrammar('structured_outputs.json', SCHEMA, true),
  ],
  [{ structured_outputs: { json_object: true } }, { kind: 'json-object', isCompact: false }],
  [
    { structured_outputs: { regex: 'a+' } },
    { kind: 'regex', pattern: 'a+', param: 'structured_outputs.regex' },
  ],
  [
    { structured_outputs: { choice: ['a', 'b'] } },
    { kind: 'choice', choices: ['a', 'b'], param: 'structured_outputs.choice' },
  ],
  [
    { structured_outputs: { grammar: 'root ::= "a"' } },
    { kind: 'ebnf', text: 'root ::= "a"', param: 'structured_outputs.grammar' },
  ],
  [{ guided_json: SCHEMA }, schemaGrammar('guided_json')],
  [{ guided_regex: 'a+' }, { kind: 'regex', pattern: 'a+', param: 'guided_regex' }],
  [{ guided_grammar: 'root ::= "a"' }, { kind: 'ebnf', text: 'root ::= "a"', param: 'guided_grammar' }],
  [{ json_schema: SCHEMA }, schemaGrammar('json_schema')],
  [{ grammar: 'root ::= "a"' }, { kind: 'ebnf', text: 'root ::= "a"', param: 'grammar' }],
  [{ regex: 'a+' }, { kind: 'regex', pattern: 'a+', param: 'regex' }],
  [{ ebnf: 'root ::= "a"' }, { kind: 'ebnf', text: 'root ::= "a"', param: 'ebnf' }],
  // The same under several names, as clients of several versions of vLLM send it.
  [{ structured_outputs: { json: SCHEMA }, guided_json: SCHEMA }, schemaGrammar('structured_outputs.json')],
  [
    { response_format: STRICT, guided_json: JSON.stringify(SCHEMA) },
    schemaGrammar('response_format.json_schema.schema'),
  ],
  [
    { response_format: { type: 'json_object' }, structured_outputs: { json_object: true } },
    { kind: 'json-object' },
  ],
  [
    { structured_outputs: { choice: ['a', 'b'] }, guided_choice: ['a', 'b'] },
    { kind: 'choice', choices: ['a', 'b'], param: 'structured_outputs.choice' },
  ],
  [
    { grammar: 'root ::= "a"', guided_grammar: 'root ::= "a"', ebnf: 'root ::= "a"' },
    { kind: 'ebnf', text: 'root ::= "a"', param: 'guided_grammar' },
  ],
];

const open = { type: 'object', properties: { a: SCHEMA } };
const strictly = (schema: unknown) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } },
});
const ROOT = 'response_format.json_schema.schema';

/** Lists inside of each other, as an annotation that would be passed over. */
function nested(depth: number): unknown {
  return { default: JSON.parse('['.repeat(depth) + ']'.repeat(depth)) };
}

const REFUSED: readonly (readonly [Record<string, unknown>, string, string])[] = [
  [{ response_format: 'json' }, 'response_format', 'invalid_type'],
  [{ response_format: {} }, 'response_format.type', 'missing_required_parameter'],
  [{ response_format: { type: 'xml' } }, 'response_format.type', 'invalid_value'],
  [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema', 'missing_required_parameter'],
  [{ response_format: { type: 'structural_tag' } }, 'response_format.type', 'unsupported_parameter'],
  [
    { response_format: { type: 'json_schema', json_schema: { strict: true } } },
    ROOT,
    'missing_required_parameter',
  ],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: null, strict: true } } },
    ROOT,
    'missing_required_parameter',
  ],
  [{ response_format: { type: 'json_schema', json_schema: { schema: 5 } } }, `${ROOT}`, 'invalid_type'],
  [{ structured_outputs: { json: 5 } }, 'structured_outputs.json', 'invalid_type'],
  [{ structured_outputs: { json: '{' } }, 'structured_outputs.json', 'invalid_value'],
  [{ structured_outputs: { choice: [] } }, 'structured_outputs.choice', 'invalid_value'],
  [{ structured_outputs: { choice: ['a', 5] } }, 'structured_outputs.choice[1]', 'invalid_type'],
  [{ structured_outputs: { choice: ['a', 'b\ud800'] } }, 'structured_outputs.choice[1]', 'invalid_value'],
  [{ guided_choice: ['\udfffa'] }, 'guided_choice[0]', 'invalid_value'],
  [{ structured_outputs: { grammar: 'root ::= "\ud800"' } }, 'structured_outputs.grammar', 'invalid_value'],
  [{ guided_grammar: 'root ::= [\udfff]' }, 'guided_grammar', 'invalid_value'],
  [{ grammar: 'root ::= "\udfff"' }, 'grammar', 'invalid_value'],
  [{ ebnf: 'root ::= "\udfff"' }, 'ebnf', 'invalid_value'],
  [
    { structured_outputs: { structural_tag: '{}' } },
    'structured_outputs.structural_tag',
    'unsupported_parameter',
  ],
  [{ guided_json: nested(3000) }, 'guided_json', 'invalid_value'],
  [{ guided_json: JSON.stringify(nested(300)) }, 'guided_json', 'invalid_value'],
  [{ guided_json: `{"default":[${'1,'.repeat(100_000)}1]}` }, 'guided_json', 'invalid_value'],
  [
    { response_format: { type: 'json_object', schema: nested(300) } },
    'response_format.schema',
    'invalid_value',
  ],
  [{ guided_choice: Array(5000).fill('a') }, 'guided_choice', 'invalid_value'],
  [{ regex: '' }, 'regex', 'invalid_value'],
  [{ regex: 'a', response_format: { type: 'json_object' } }, 'regex', 'invalid_value'],
  [{ guided_regex: 'a', guided_choice: ['a'] }, 'guided_choice', 'invalid_value'],
  [{ guided_regex: 'a', regex: 'b' }, 'regex', 'invalid_value'],
  [{ guided_regex: 'a', regex: 'a', ebnf: 'root ::= "a"' }, 'ebnf', 'invalid_value'],
  [
    { structured_outputs: { choice: ['a', 'b'] }, guided_choice: ['b', 'a'] },
    'guided_choice',
    'invalid_value',
  ],
  [
    { structured_outputs: { json: SCHEMA, disable_any_whitespace: true }, guided_json: SCHEMA },
    'guided_json',
    'invalid_value',
  ],
  [{ structured_outputs: { regex: 'a', json: {} } }, 'structured_outputs.json', 'invalid_value'],
  [strictly(open), ROOT, 'invalid_value'],
  [strictly({ ...open, additionalProperties: false }), ROOT, 'invalid_value'],
  [strictly({ ...open, additionalProperties: true, required: ['a'] }), ROOT, 'invalid_value'],
  [strictly({ type: 'array', items: SCHEMA }), ROOT, 'invalid_value'],
  [strictly({ anyOf: [SCHEMA] }), ROOT, 'invalid_value'],
  [
    strictly({ ...SCHEMA, properties: { a: { type: 'array', items: { type: 'object' } } } }),
    `${ROOT}.properties.a.items`,
    'invalid_value',
  ],
  [strictly({ ...SCHEMA, $defs: { d: { type: ['object', 'null'] } } }), `${ROOT}.$defs.d`, 'invalid_value'],
];

const json_schema = { schema: SCHEMA };
const IGNORED: readonly (readonly [Record<string, unknown>, string | null])[] = [
  [{ response_format: { type: 'text', schema: SCHEMA } }, 'response_format.schema'],
  [{ response_format: { type: 'text', json_schema } }, 'response_format.json_schema'],
  [{ response_format: { type: 'json_object', json_schema } }, 'response_format.json_schema'],
  [{ response_format: { ...STRICT, schema: SCHEMA } }, 'response_format.schema'],
  [{ response_format: { type: 'json_object', json_schema: null } }, null],
  [
    { structured_outputs: { regex: 'a', disable_any_whitespace: true } },
    'structured_outputs.disable_any_whitespace',
  ],
  [
    { structured_outputs: { choice: ['a'], disable_any_whitespace: true } },
    'structured_outputs.disable_any_whitespace',
  ],
  [{ structured_outputs: { grammar: 'root ::= "a"', disable_any_whitespace: false } }, null],
  [{ structured_outputs: { json_object: true, disable_any_whitespace: true } }, null],
];

describe.each(['chat', 'complete'] as const)('%s', (endpoint) => {
  it.each(IGNORED)(
    'names what has no effect, or refuses it where that is wanted: %j',
    async (fields, name) => {
      const served = await routeTestApp()[endpoint](fields);
      expect(served.status, await served.clone().text()).toBe(200);
      expect(served.headers.get('x-octavo-ignored')).toBe(name);
      const strict = await routeTestApp({ strictFields: true })[endpoint](fields);
      if (name === null) return expect(strict.status).toBe(200);
      const { error } = errorBodySchema.parse(await strict.json());
      expect(error).toMatchObject({ param: name, code: 'unsupported_parameter' });
    },
  );

  it.each(SERVED)('holds the choices to the grammar of %j', async (fields, grammar) => {
    const app = routeTestApp();
    expect((await app[endpoint](fields)).status).toBe(200);
    expect(app.generator.requests[0]!.grammar).toEqual(grammar);
  });

  it.each(
    REFUSED.map(([fields, param, code]) => ({
      shown: JSON.stringify(fields).slice(0, 80),
      fields,
      param,
      code,
    })),
  )('refuses by name: $shown', async ({ fields, param, code }) => {
    const response = await routeTestApp()[endpoint](fields);
    const { error } = errorBodySchema.parse(await response.json());
    expect({ status: response.status, param: error.param, code: error.code }).toEqual({
      status: 400,
      param,
      code,
    });
  });

  it('says of tagged structures what to do, whichever field asks for them', async () => {
    const tagged = { structures: [], triggers: [] };
    for (const fields of [
      { structural_tag: '{}' },
      { structured_outputs: { structural_tag: '{}' } },
      { response_format: { type: 'structural_tag', ...tagged } },
    ]) {
      const response = await routeTestApp()[endpoint](fields);
      const { error } = errorBodySchema.parse(await response.json());
      expect(error.message).toMatch(/not supported by this server: .*grammar can say the same/);
    }
  });

  it('names both fields that say what the output has to look like', async () => {
    const response = await routeTestApp()[endpoint]({ guided_regex: 'a', ebnf: 'root ::= "a"' });
    const { error } = errorBodySchema.parse(await response.json());
    expect(error.message).toContain("'guided_regex' and 'ebnf'");
  });
});
