/**
 * `bench --scenario NAME`: finds the scenario and reads its options. An option that the scenario has not is refused by
 * name, with the scenarios that have it. Reads and prints nothing itself.
 */

import { Command, CommanderError } from 'commander';
import type { Scenario, ScenarioFlags } from './scenario.ts';

/** What is wrong with the command line, in one line. */
export class CommandLineError extends Error {}

export type Invocation =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'run';
      readonly scenario: Scenario;
      readonly flags: ScenarioFlags;
      readonly out: string | null;
    };

/**
 * @param argv arguments after the program's name
 * @param preset name of the scenario that is meant when none is named
 * @throws CommandLineError
 */
export function parseCommandLine(
  scenarios: readonly Scenario[],
  argv: readonly string[],
  preset: string,
): Invocation {
  const name = scenarioName(argv);
  const isHelp = argv.includes('--help') || argv.includes('-h');
  if (isHelp && name === null) return { kind: 'help', text: overview(scenarios, preset) };
  const scenario = scenarios.find((each) => each.name === (name ?? preset));
  if (scenario === undefined) {
    const names = scenarios.map((each) => each.name).join(', ');
    throw new CommandLineError(`there is no scenario ${name}; there are ${names}`);
  }
  const command = commandOf(scenario);
  if (isHelp) return { kind: 'help', text: command.helpInformation() };
  refuseForeignOptions(scenarios, scenario, command, argv);
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new CommandLineError(error.message.replace(/^error: /, ''));
    throw error;
  }
  const { scenario: _name, out, ...flags } = command.opts<Record<string, unknown>>();
  return { kind: 'run', scenario, flags, out: typeof out === 'string' ? out : null };
}

function scenarioName(argv: readonly string[]): string | null {
  const found = argv.findLastIndex((word) => word === '--scenario' || word.startsWith('--scenario='));
  if (found < 0) return null;
  const word = argv[found]!;
  const name = word === '--scenario' ? argv[found + 1] : word.slice('--scenario='.length);
  if (name === undefined || name === '' || name.startsWith('-')) {
    throw new CommandLineError('--scenario needs the name of a scenario');
  }
  return name;
}

function commandOf(scenario: Scenario): Command {
  const command = new Command('bench')
    .description(scenario.summary)
    .usage(`--scenario ${scenario.name} [options]`)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .option('--scenario <name>', 'what is measured')
    .option('--out <file>', 'JSON file (default: bench/results/<scenario>-<time>.json)');
  for (const option of scenario.options) command.addOption(option);
  return command;
}

/** Commander would refuse them as well, without saying where they belong. */
function refuseForeignOptions(
  scenarios: readonly Scenario[],
  scenario: Scenario,
  command: Command,
  argv: readonly string[],
): void {
  for (const word of argv) {
    const long = word.split('=')[0]!;
    if (!long.startsWith('--') || command.options.some((option) => option.long === long)) continue;
    const owners = scenarios.filter(({ options }) => options.some((option) => option.long === long));
    if (owners.length === 0) continue;
    const names = owners.map((owner) => owner.name).join(', ');
    throw new CommandLineError(`${long} has no meaning for ${scenario.name}; it belongs to ${names}`);
  }
}

function overview(scenarios: readonly Scenario[], preset: string): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    `Usage: bench [--scenario NAME] [options]   (without a name: ${preset})`,
    '',
    'Scenarios:',
    ...lines,
    '',
    'bench --scenario NAME --help tells the options of one.',
    '',
  ].join('\n');
}
