import { Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from '../../bench/command-line.ts';
import { countOption } from '../../bench/options.ts';
import { PRESET, SCENARIOS } from '../../bench/registry.ts';
import type { Scenario } from '../../bench/scenario.ts';

const nothing = async () => ({ figures: null, text: '', failureCount: 0 });
const TWO: readonly Scenario[] = [
  { name: 'rain', summary: 'how wet', options: [countOption('drops', 'of rain', 3)], run: nothing },
  { name: 'wind', summary: 'how strong', options: [new Option('--from <where>')], run: nothing },
];

function parse(...argv: string[]) {
  return parseCommandLine(TWO, argv, 'rain');
}

function runOf(...argv: string[]) {
  const invocation = parse(...argv);
  if (invocation.kind !== 'run') throw new Error('a scenario was to be run');
  return invocation;
}

describe('the command line of the bench', () => {
  it('runs the preset scenario with its defaults when none is named', () => {
    const { scenario, flags, out } = runOf();
    expect([scenario.name, flags, out]).toEqual(['rain', { drops: 3 }, null]);
  });

  it.each([
    [['--scenario', 'wind', '--from', 'north', '--out', 'x.json']],
    [['--out=x.json', '--from=north', '--scenario=wind']],
  ])('reads a scenario and its options in any order: %j', (argv) => {
    const { scenario, flags, out } = runOf(...argv);
    expect([scenario.name, flags, out]).toEqual(['wind', { from: 'north' }, 'x.json']);
  });

  it.each([
    [['--scenario', 'wind', '--drops', '4'], '--drops has no meaning for wind; it belongs to rain'],
    [['--from=north'], '--from has no meaning for rain; it belongs to wind'],
    [['--snow'], "unknown option '--snow'"],
    [['--scenario', 'hail'], 'there is no scenario hail; there are rain, wind'],
    [['--scenario'], '--scenario needs the name of a scenario'],
    [['--drops', 'many'], 'must be a whole number above 0'],
    [['heavy'], 'too many arguments'],
  ])('refuses %j by name', (argv, reason) => {
    expect(() => parse(...argv)).toThrow(CommandLineError);
    expect(() => parse(...argv)).toThrow(reason);
  });

  it('lists the scenarios, and the options of one', () => {
    expect(parse('--help')).toMatchObject({
      kind: 'help',
      text: expect.stringContaining('wind  how strong'),
    });
    expect(parse('--scenario', 'rain', '--help')).toMatchObject({
      kind: 'help',
      text: expect.stringMatching(/--drops <n> +of rain/),
    });
  });
});

describe('the scenarios', () => {
  it('have names of their own, and the preset among them', () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain(PRESET);
  });

  it.each(SCENARIOS)(
    '$name says what it measures, and reads its own defaults',
    ({ name, options, summary }) => {
      expect(summary).not.toBe('');
      const mandatory = options.flatMap(({ mandatory, long }) => {
        if (!mandatory) return [];
        return [long!, long === '--peer' ? 'http://127.0.0.1:1' : 'some/where'];
      });
      const invocation = parseCommandLine(SCENARIOS, ['--scenario', name, ...mandatory], PRESET);
      expect(invocation).toMatchObject({ kind: 'run', scenario: { name } });
    },
  );

  it('take no checkpoint for a server that runs already', () => {
    const argv = ['--url', 'http://127.0.0.1:1', '--model', 'x'];
    expect(() => parseCommandLine(SCENARIOS, argv, PRESET)).toThrow("'--model <directory>' cannot be used");
  });
});
