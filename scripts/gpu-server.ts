/** The built server itself on a device: over HTTP, with its threads, its own choice of cache, and a signal to stop. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { startServer } from '../bench/server-process.ts';
import type { Correctness, PagedDevice } from './gpu-correctness.ts';

const ROOT = path.join(import.meta.dirname, '..');
const BOX = path.join(ROOT, 'models/octavo-mini');
const EXAMPLES_ASKED = 12;

type Example = { readonly messages: readonly unknown[]; readonly answer: string };

/** The model in the box gives the answers of its card. */
export async function checkAnswers(device: PagedDevice, cacheDirectory: string): Promise<Correctness> {
  const name = 'answers of the model in the box';
  const examples = (JSON.parse(readFileSync(path.join(BOX, 'examples.json'), 'utf8')) as Example[]).slice(
    0,
    EXAMPLES_ASKED,
  );
  return withServer({ name, device, model: BOX, cacheDirectory }, async (url) => {
    const wrong: string[] = [];
    for (const { messages, answer } of examples) {
      const { said } = await ask(url, { messages, temperature: 0, max_tokens: 200 });
      if (said !== answer) wrong.push(`"${said}" for "${answer}"`);
    }
    const right = `${examples.length - wrong.length} of ${examples.length} as on its card`;
    return { passed: wrong.length === 0, detail: [right, ...wrong].join('; ') };
  });
}

/** A large model with as much cache as the device has room for. */
export async function checkServing(
  device: PagedDevice,
  model: string,
  cacheDirectory: string,
): Promise<Correctness> {
  const name = 'serves the random model';
  return withServer({ name, device, model, cacheDirectory }, async (url) => {
    const messages = [{ role: 'user', content: 'Count to ten.' }];
    const { tokenCount } = await ask(url, { messages, max_tokens: 16, ignore_eos: true });
    return { passed: tokenCount === 16, detail: `${tokenCount} tokens` };
  });
}

type Serving = {
  readonly name: string;
  readonly device: PagedDevice;
  readonly model: string;
  readonly cacheDirectory: string;
};

async function withServer(
  { name, device, model, cacheDirectory }: Serving,
  use: (url: string) => Promise<{ readonly passed: boolean; readonly detail: string }>,
): Promise<Correctness> {
  const program = path.join(ROOT, 'dist/cli.js');
  if (!existsSync(program)) return { name, passed: false, detail: 'nothing is built: run npm run build' };
  const server = await startServer({
    command: [process.execPath, program, 'serve'],
    serverArguments: ['--device', device, '--model', model, '--cache-dir', cacheDirectory],
  });
  try {
    const { passed, detail } = await use(server.url);
    return { name, passed, detail: `ready after ${(server.readyAfterMs / 1000).toFixed(1)} s; ${detail}` };
  } finally {
    await server.stop();
  }
}

type Answered = { readonly said: string; readonly tokenCount: number };

async function ask(url: string, fields: Record<string, unknown>): Promise<Answered> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: list.data[0]!.id, ...fields }),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`the server answers ${response.status}: ${body}`);
  const { choices, usage } = JSON.parse(body) as {
    choices: { message: { content: string } }[];
    usage: { completion_tokens: number };
  };
  return { said: choices[0]!.message.content, tokenCount: usage.completion_tokens };
}
