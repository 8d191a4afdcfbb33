import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderTemplate } from '../../src/text/template/interpreter.ts';
import { namesReadBy } from '../../src/text/template/names.ts';
import { parseTemplate } from '../../src/text/template/parser.ts';

const reads = (source: string, name: string): boolean =>
  namesReadBy(parseTemplate(source)).variables.has(name);
const loop = (body: string): string => `{% for message in messages %}${body}{% endfor %}`;
const macro = (head: string, body: string): string => `{% macro ${head} %}${body}{% endmacro %}`;

describe('namesReadBy: variables', () => {
  it.each([
    ['an output', '{{ x }}'],
    ['a test of whether it is defined', '{% if x is defined %}{% endif %}'],
    ['what a test compares with', "{{ 'a' is in x }}{{ 1 is eq(1) }}"],
    ['what a filter is used on', "{{ x | default('') }}"],
    ['an argument of a filter', "{{ 'a' | replace('a', x) }}"],
    ['an argument of the second of two filters', "{{ 'a' | trim | replace('a', x) }}"],
    ['an argument of a call by its name', '{{ range(stop=x) }}'],
    ['arguments of a call by a list', '{{ range(*x) }}'],
    ['arguments of a call by a mapping', '{{ dict(**x) }}'],
    ['the object of an attribute', '{{ x.y }}'],
    ['the object of an item', "{{ x['y'] }}"],
    ['the key of an item', '{{ messages[x] }}'],
    ['a bound of a slice', '{{ messages[:x] }}'],
    ['a part of a list, a tuple and a mapping', '{{ [({"a": x},)] }}'],
    ['an inline condition', "{{ 'a' if x else 'b' }}"],
    ['logic, signs, sums and concatenations', "{{ not (true and -(1 + x)) ~ 'a' }}"],
    ['the later part of a comparison', '{{ 1 < 2 < x }}'],
    ['the value that it is set to itself', '{% set x = x | default(1) %}'],
    ['an output before it is set', '{{ x }}{% set x = 1 %}'],
    ['an output after it was set in one branch', '{% if messages %}{% set x = 1 %}{% endif %}{{ x }}'],
    [
      'an output after a loop that is left',
      `${loop('{% if message %}{% break %}{% else %}{% break %}{% endif %}')}{{ x }}`,
    ],
    ['an output after a loop that sets it for itself', `${loop('{% set x = 1 %}')}{{ x }}`],
    ['an output after a loop over its name', '{% for x in messages %}{% endfor %}{{ x }}'],
    ['the list of a loop over its own name', '{% for x in x %}{% endfor %}'],
    ['the condition of a loop', '{% for message in messages if message == x %}{% endfor %}'],
    ['the other branch of a loop over its name', '{% for x in messages %}{% else %}{{ x }}{% endfor %}'],
    ['the value of a namespace', '{% set ns = namespace(a=x) %}'],
    ['a value set in a namespace', '{% set ns = namespace() %}{% set ns.a = x %}'],
    ['the filter of a block', "{% filter replace('a', x) %}a{% endfilter %}"],
    ['the filter of a block that is set', "{% set y | replace('a', x) %}a{% endset %}"],
    ['a block that is set', '{% set y %}{{ x }}{% endset %}'],
    ['the value of its own `with`', '{% with x = x %}{% endwith %}'],
    ['an output after a `with`', '{% with x = 1 %}{% endwith %}{{ x }}'],
    ['a macro that is called', `${macro('m()', '{{ x }}')}{{ m() }}`],
    ['a macro that another calls', `${macro('a()', '{{ b() }}')}${macro('b()', '{{ x }}')}{{ a() }}`],
    ['a macro that calls itself', `${macro('m(n)', '{{ m(n - 1) if n else x }}')}{{ m(3) }}`],
    ['a macro in a macro', `${macro('a()', `${macro('b()', '{{ x }}')}{{ b() }}`)}{{ a() }}`],
    [
      'a macro whose caller has the name for itself',
      `${macro('m()', '{{ x }}')}{% for x in messages %}{{ m() }}{% endfor %}`,
    ],
    ['a macro of one branch', `{% if messages %}${macro('m()', '{{ x }}')}{% endif %}{{ m() }}`],
    ['a macro that is called before the name is set', `${macro('m()', '{{ x }}')}{{ m() }}{% set x = 1 %}`],
    ['a macro that is handed on', `${macro('m()', '{{ x }}')}{% set ns = namespace(f=m) %}`],
    ['what a parameter falls back to', `${macro('m(a=x)', '{{ a }}')}{{ m() }}`],
    [
      'a block that is given to a macro',
      `${macro('m()', '{{ caller() }}')}{% call m() %}{{ x }}{% endcall %}`,
    ],
    ['a block that the training marks', '{% generation %}{{ x }}{% endgeneration %}'],
  ])('sees the name in %s', (_, source) => {
    expect(reads(source, 'x')).toBe(true);
  });

  it.each([
    ['a comment', '{# x #}'],
    ['the text', 'x {% raw %}{{ x }}{% endraw %}'],
    ['a string', "{{ 'x' }}"],
    ['an attribute', '{{ messages.x }}'],
    ['the key of a mapping', "{{ {'x': 1} }}"],
    ['the name of an argument', '{{ dict(x=1) }}'],
    ['a namespace', '{% set ns = namespace(x=1) %}{% set ns.x = 2 %}{{ ns.x }}'],
    ['what was set before', '{% set x = 1 %}{{ x }}'],
    ['a block that was set before', '{% set x %}a{% endset %}{{ x }}'],
    ['what was set with another', '{% set x, y = 1, 2 %}{{ x }}'],
    ['what was set before a loop', `{% set x = 1 %}${loop('{{ x }}')}`],
    ['what every branch set', '{% if messages %}{% set x = 1 %}{% else %}{% set x = 2 %}{% endif %}{{ x }}'],
    [
      'what every branch set that does not refuse',
      "{% if messages %}{% set x = 1 %}{% else %}{{ raise_exception('no messages') }}{% endif %}{{ x }}",
    ],
    [
      'what every branch set that does not go on to the next turn',
      loop('{% if message %}{% set x = 1 %}{% else %}{% continue %}{% endif %}{{ x }}'),
    ],
    ['a variable of a loop', '{% for x in messages %}{{ x }}{% endfor %}'],
    ['a variable of a loop in its condition', '{% for x in messages if x.role %}{{ x }}{% endfor %}'],
    ['variables of a loop', '{% for y, (x, z) in messages %}{{ x }}{% endfor %}'],
    ['what was set in the loop', loop('{% set x = 1 %}{{ x }}')],
    ['a parameter', `${macro('m(x)', '{{ x }}')}{{ m(1) }}{{ m(x=1) }}`],
    ['a parameter of a block', `${macro('m()', '{{ caller(1) }}')}{% call(x) m() %}{{ x }}{% endcall %}`],
    ['a macro', `${macro('x()', '')}{{ x() }}`],
    ['a macro that nobody calls', macro('m()', '{{ x }}')],
    ['a macro that is called after the name is set', `${macro('m()', '{{ x }}')}{% set x = 1 %}{{ m() }}`],
    ['what a macro set', `${macro('m()', '{% set x = 1 %}{{ x }}')}{{ m() }}`],
    ['a variable of `with`', '{% with x = 1 %}{{ x }}{% endwith %}'],
  ])('does not take it for one of them in %s', (_, source) => {
    expect(reads(source, 'x')).toBe(false);
  });

  it.each([
    ['loop', loop('{{ loop.index }}')],
    ['caller', `${macro('m()', '{{ caller() }}')}{% call m() %}{% endcall %}`],
    ['varargs', `${macro('m()', '{{ varargs }}{{ kwargs }}')}{{ m(1) }}`],
    ['kwargs', `${macro('m()', '{{ varargs }}{{ kwargs }}')}{{ m(a=1) }}`],
    ['upper', "{{ 'a' | upper is string }}"],
    ['string', "{{ 'a' | upper is string }}"],
    ['true', '{{ true }}'],
  ])('does not take %s, a name of the language, for one of them', (name, source) => {
    expect(reads(source, name)).toBe(false);
  });

  const statement = fc.letrec<{ block: string; statement: string }>((tie) => ({
    block: fc.array(tie('statement'), { maxLength: 4 }).map((parts) => parts.join('')),
    statement: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(
        '{{ x }}',
        '{{ x }}',
        '{% set x = 1 %}',
        '{{ m() }}',
        '{{ n() }}',
        '{% set m = 1 %}',
        '{% if y %}{{ raise_exception() }}{% endif %}',
      ),
      fc
        .tuple(
          fc.constantFrom('y', 'not y'),
          tie('block'),
          fc.oneof(tie('block'), fc.constant("{{ raise_exception('') }}")),
        )
        .map(([test, body, otherwise]) => `{% if ${test} %}${body}{% else %}${otherwise}{% endif %}`),
      fc
        .tuple(fc.constantFrom('z in [1, 2]', 'x in [1]', 'x in []', 'z in [x]'), tie('block'), tie('block'))
        .map(([head, body, otherwise]) => `{% for ${head} %}${body}{% else %}${otherwise}{% endfor %}`),
      fc
        .tuple(fc.constantFrom('m()', 'n()', 'n(x)', 'm(a=x)'), tie('block'))
        .map(([head, body]) => macro(head, body)),
      tie('block').map((body) => `{% call m() %}${body}{% endcall %}`),
      fc
        .tuple(fc.constantFrom('x = 1', 'z = x'), tie('block'))
        .map(([head, body]) => `{% with ${head} %}${body}{% endwith %}`),
      tie('block').map((body) => `{% set x %}${body}{% endset %}`),
    ),
  }));

  it('has every name that makes a difference to what comes out', () => {
    fc.assert(
      fc.property(statement.block, fc.boolean(), (source, y) => {
        const program = parseTemplate(source);
        const outcome = (variables: Record<string, unknown>): string => {
          try {
            return renderTemplate(program, variables);
          } catch (error) {
            return String(error);
          }
        };
        fc.pre(outcome({ y }) !== outcome({ y, x: 'given' }));
        expect(reads(source, 'x')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('namesReadBy: fields', () => {
  it.each([
    '{{ messages[0].x }}',
    "{{ messages[0]['x'] }}",
    "{{ messages[0].get('x') }}",
    "{{ 'x' in messages[0] }}",
    "{{ messages | map(attribute='x') | list }}",
    macro('m(message)', '{{ message.x }}'),
    loop('{{ message.x }}'),
    "{% for message in messages | selectattr('content') %}{{ message.x }}{% endfor %}",
    '{% for part in messages[0].content %}{{ messages[0].x }}{% endfor %}',
    '{% for part in messages[0].content %}{% set part = messages[0] %}{{ part.x }}{% endfor %}',
    '{% for part in messages[0].content %}{% if part %}{% set part = messages[0] %}{% endif %}{{ part.x }}{% endfor %}',
    "{% for part in messages[0].content %}{% endfor %}{{ part['x'] }}",
  ])('sees one in %s', (source) => {
    expect(namesReadBy(parseTemplate(source)).fields.has('x')).toBe(true);
  });

  it.each([
    "{{ messages[0].role == 'x' }}",
    "{{ ['x'] }}",
    '{# message.x #}',
    'message.x',
    "{{ 'message.x' }}",
    "{{ 'x y' }}",
    '{{ x }}',
    '{{ dict(x=1) }}',
    '{% for part in messages[0].content %}{{ part.x }}{% endfor %}',
    "{% for part in messages[0]['content'] %}{% if part %}{{ part['x'] }}{% endif %}{% endfor %}",
    "{% for part in messages[0].content %}{{ part.get('x') }}{% endfor %}",
    "{% for part in messages[0].content if 'x' in part %}{% endfor %}",
    macro('m(content)', '{% for part in content %}{{ part.x }}{% endfor %}'),
  ])('takes nothing for one in %s', (source) => {
    expect(namesReadBy(parseTemplate(source)).fields.has('x')).toBe(false);
  });
});
