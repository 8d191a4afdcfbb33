import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from './command-line.ts';

describe('the command line of the simulation', () => {
  it('has defaults', () => {
    expect(parseCommandLine([])).toEqual({
      kind: 'run',
      seeds: 1000,
      from: 0,
      compare: false,
      clients: false,
    });
  });

  it('reads how many seeds, from which one, and of what', () => {
    const read = parseCommandLine(['--seeds', '5', '--from=7', '--compare']);
    expect(read).toEqual({ kind: 'run', seeds: 5, from: 7, compare: true, clients: false });
  });

  it('tells its options', () => {
    expect(parseCommandLine(['--help'])).toEqual({
      kind: 'help',
      text: expect.stringMatching(/--seeds <n>[\s\S]*--from <n>/),
    });
  });

  it.each([
    [['--snow'], "unknown option '--snow'"],
    [['--seeds'], 'argument missing'],
    [['--seeds', 'many'], 'must be a whole number above 0'],
    [['--from', '-1'], 'must be a whole number, 0 or above'],
    [['--compare', '--clients'], 'one at a time'],
    [['heavy'], 'too many arguments'],
  ])('refuses %j by name, in one line', (argv, reason) => {
    expect(() => parseCommandLine(argv)).toThrow(CommandLineError);
    expect(() => parseCommandLine(argv)).toThrow(reason);
  });
});
