/** What `npm run simulate` was told. Reads and prints nothing itself. */

import { Command, CommanderError, InvalidArgumentError } from 'commander';

/** What is wrong with the command line, in one line. */
export class CommandLineError extends Error {}

export type Invocation =
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'run';
      readonly seeds: number;
      readonly from: number;
      readonly compare: boolean;
      readonly clients: boolean;
    };

/**
 * @param argv arguments after the program's name
 * @throws CommandLineError
 */
export function parseCommandLine(argv: readonly string[]): Invocation {
  const command = new Command('simulate')
    .description('Scheduler and cache under random loads and faults, against each request computed alone.')
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .option(
      '--seeds <n>',
      'how many worlds, one after the other',
      wholeNumber(1, 'must be a whole number above 0'),
      1000,
    )
    .option('--from <n>', 'the first seed', wholeNumber(0, 'must be a whole number, 0 or above'), 0)
    .option('--compare', 'requests that choose in every way, by the real engine, instead', false)
    .option('--clients', 'readers on the other side of the channel to the engine, instead', false);
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { kind: 'help', text: command.helpInformation() };
    throw new CommandLineError(error.message.replace(/^error: /, ''));
  }
  const options = command.opts<Omit<Extract<Invocation, { kind: 'run' }>, 'kind'>>();
  if (options.compare && options.clients)
    throw new CommandLineError('--compare and --clients are two simulations, one at a time');
  return { kind: 'run', ...options };
}

function wholeNumber(min: number, demand: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min) throw new InvalidArgumentError(demand);
    return value;
  };
}
