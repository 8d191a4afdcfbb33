#!/usr/bin/env node
/** The `octavo` command: a table of subcommands. What they do is elsewhere. */

import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { StartupError } from './base/errors.ts';
import { serveConfig } from './config.ts';
import { serve } from './main.ts';
import { openApiYaml } from './routes/openapi.ts';
import { SERVE_OPTIONS, type ServeOption } from './serve-options.ts';
import { setupCuda } from './setup-cuda.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('octavo')
  .description('An OpenAI-compatible inference server.')
  .version(version)
  .showHelpAfterError('(octavo serve --help lists every option)');

const serveCommand = program
  .command('serve', { isDefault: true })
  .description('serve a model over HTTP (default)')
  .action(async (flags: Record<string, unknown>) => {
    await serve(serveConfig(flags, process.env), { version });
  });
for (const option of Object.values<ServeOption>(SERVE_OPTIONS))
  serveCommand.addOption(commanderOption(option));
serveCommand.addHelpText(
  'after',
  '\nEvery option can be given by its environment variable instead.\n\nExample:\n  octavo serve --model ./Qwen2.5-0.5B-Instruct --port 8080',
);

program
  .command('openapi')
  .description('print the OpenAPI description of the server')
  .action(async () => {
    process.stdout.write(await openApiYaml());
  });

program
  .command('setup-cuda')
  .description("fetch ONNX Runtime's CUDA provider and look whether it loads")
  .option('--check', 'only look, fetch nothing')
  .action(async ({ check = false }: { check?: boolean }) => {
    const say = (line: string): void => console.log(line);
    await setupCuda({ checkOnly: check, environment: process.env, say });
  });

function commanderOption(option: ServeOption): Option {
  const by = option.shownDefault === undefined ? '' : `; default: ${option.shownDefault}`;
  const result = new Option(option.flags, `${option.description} (${option.environment}${by})`);
  if (option.repeats) {
    result.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value]);
  }
  return result;
}

/**
 * Whoever reads what is said may leave, and a disk may be full: no reason for a server to end. A command that does nothing but
 * say something has failed then, unless its reader had enough.
 */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  console.error(`octavo: what there is to say cannot be written: ${error.message}`);
  process.exitCode = 1;
});
process.stderr.on('error', () => {});

try {
  await program.parseAsync();
} catch (error) {
  // What the user can mend is one line; anything else is a fault of ours and keeps its stack.
  if (!(error instanceof StartupError)) throw error;
  console.error(`octavo: ${error.message}`);
  process.exitCode = 1;
}
