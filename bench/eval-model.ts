/**
 * `npm run eval:model`: asks a server the held-out questions at temperature 0 and prints how many answers are right,
 * set by set, with examples of failures. It starts the server itself unless it is given one.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { firstModelOf } from './chat-client.ts';
import { type Answer, type HeldOutCase, judge, parseCases, type ToolCall } from './held-out-cases.ts';
import { bodyText, closeTarget, createTarget, exchange, type Target } from './http-exchange.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CASES = path.join(ROOT, 'models', 'octavo-mini', 'held-out.jsonl');
const MAX_TOKENS_DEFAULT = 60;
const SHOWN_CHARACTERS_MAX = 300;

type Flags = {
  readonly url?: string;
  readonly model?: string;
  readonly cases: string;
  readonly every: number;
  readonly failures: number;
  readonly concurrency: number;
};

type Row = { right: number; asked: number };

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
}

function commandLine(): Flags {
  return new Command('eval:model')
    .description('Asks the held-out questions of the model in the box and counts right answers.')
    .option('--url <url>', 'server that runs already, http://host:port; without it one is started and ended')
    .option('--model <directory>', 'checkpoint for the started server')
    .option('--cases <file>', 'JSON lines of cases', CASES)
    .option('--every <n>', 'ask every n-th case only', positiveInteger, 1)
    .option('--failures <n>', 'wrong answers shown of each set', Number, 2)
    .option('--concurrency <n>', 'requests at once', positiveInteger, 16)
    .parse()
    .opts<Flags>();
}

type Message = {
  readonly content: string | null;
  readonly tool_calls?: readonly {
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
};

async function ask(target: Target, model: string, asked: HeldOutCase): Promise<Answer> {
  const { messages, tools, variables, max_tokens = MAX_TOKENS_DEFAULT } = asked;
  const result = await exchange(target, '/v1/chat/completions', {
    model,
    messages,
    max_tokens,
    temperature: 0,
    ...(tools === undefined ? {} : { tools }),
    ...(variables === undefined ? {} : { chat_template_kwargs: variables }),
  });
  const text = bodyText(result);
  // A request that is refused is a wrong answer, and the reason is shown as what was answered.
  if (result.status !== 200) return { text: `(${result.status}) ${result.failure ?? text}`, calls: [] };
  const { message } = (JSON.parse(text) as { choices: { message: Message }[] }).choices[0]!;
  return { text: message.content ?? '', calls: (message.tool_calls ?? []).map(toolCall) };
}

function toolCall({
  function: { name, arguments: json },
}: NonNullable<Message['tool_calls']>[number]): ToolCall {
  try {
    return { name, arguments: JSON.parse(json) };
  } catch {
    return { name, arguments: json };
  }
}

/** Asks all cases, some at once. The order of the answers is that of the cases. */
async function askAll(
  target: Target,
  cases: readonly HeldOutCase[],
  concurrency: number,
): Promise<readonly Answer[]> {
  const model = await firstModelOf(target);
  const answers = new Array<Answer>(cases.length);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < cases.length; at = next++) answers[at] = await ask(target, model, cases[at]!);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return answers;
}

function report(cases: readonly HeldOutCase[], answers: readonly Answer[], failuresMax: number): string {
  const rows = new Map<string, Row>();
  const shown = new Map<string, string[]>();
  cases.forEach((asked, at) => {
    const answer = answers[at]!;
    for (const { row, right } of judge(asked, answer)) {
      const counts = rows.get(row) ?? { right: 0, asked: 0 };
      rows.set(row, { right: counts.right + Number(right), asked: counts.asked + 1 });
      const failures = shown.get(row) ?? [];
      shown.set(row, failures);
      if (!right && failures.length < failuresMax) failures.push(failure(asked, answer));
    }
  });
  const lines = [...rows].map(
    ([row, { right, asked }]) => `| ${row} | ${right} | ${asked} | ${((100 * right) / asked).toFixed(1)} % |`,
  );
  const failures = [...shown].filter(([, texts]) => texts.length > 0);
  const examples = failures.map(([row, texts]) => `## ${row}\n\n${texts.join('\n\n')}`);
  return ['| Set | Right | Asked | Share |', '| --- | ---: | ---: | ---: |', ...lines, '', ...examples].join(
    '\n',
  );
}

function failure(asked: HeldOutCase, answer: Answer): string {
  const shorten = (value: unknown) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > SHOWN_CHARACTERS_MAX ? `…${text.slice(-SHOWN_CHARACTERS_MAX)}` : text;
  };
  const said = answer.calls.length > 0 ? answer.calls : answer.text;
  const wanted = Object.values(asked.check)[0];
  return `- asked: ${shorten(asked.messages.at(-1)!.content)}\n- answered: ${shorten(said)}\n- wanted: ${shorten(wanted)}`;
}

async function main(): Promise<void> {
  const flags = commandLine();
  const all = parseCases(await readFile(flags.cases, 'utf8'));
  const cases = all.filter((_, at) => at % flags.every === 0);
  let server: ServerProcess | null = null;
  try {
    if (flags.url === undefined) {
      const serverArguments = flags.model === undefined ? [] : ['--model', flags.model];
      const command = [process.execPath, path.join(ROOT, 'dist', 'cli.js'), 'serve'];
      server = await startServer({ command, serverArguments });
    }
    const target = createTarget(flags.url ?? server!.url, process.env['OCTAVO_API_KEY'] ?? null);
    try {
      console.log(report(cases, await askAll(target, cases, flags.concurrency), flags.failures));
    } finally {
      closeTarget(target);
    }
  } finally {
    await server?.stop();
  }
}

await main().catch((error: Error) => {
  console.error(`eval:model: ${error.message}`);
  process.exitCode = 1;
});
