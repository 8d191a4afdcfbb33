/**
 * `npx tsx bench/grammar-delay.ts MODEL`: how long the server keeps others waiting while it compiles grammars. In turns,
 * without and with requests that each bring a new schema near the bound of states, one after the other; meanwhile
 * `GET /health` over and over, 2 ms after each answer, tells how long the main thread lets a request wait.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { firstModelOf } from './chat-client.ts';
import { bodyText, closeTarget, createTarget, exchange, type Target } from './http-exchange.ts';
import { startServer } from './server-process.ts';
import { quantile } from './statistics.ts';

const PROPERTIES = 800;
const PAUSE_MS = 2;

/** 43,000 states. */
function largeSchema(name: string): object {
  const keys = Array.from({ length: PROPERTIES }, (_, index) => `${name}_with_a_long_name_${index}`);
  const properties = Object.fromEntries(keys.map((key) => [key, { type: 'string', maxLength: 10 }]));
  return { type: 'object', properties, required: keys, additionalProperties: false };
}

class Turns {
  readonly #target: Target;
  readonly #model: string;
  #schemaCount = 0;

  constructor(target: Target, model: string) {
    this.#target = target;
    this.#model = model;
  }

  /** @returns milliseconds of the round trips of `GET /health`, sorted. */
  async roundTrips(seconds: number, withSchemas: boolean): Promise<number[]> {
    const endMs = performance.now() + 1000 * seconds;
    const trips: number[] = [];
    const compiling = withSchemas ? this.#compileUntil(endMs) : Promise.resolve();
    while (performance.now() < endMs) {
      const startMs = performance.now();
      await exchange(this.#target, '/health');
      trips.push(performance.now() - startMs);
      await delay(PAUSE_MS);
    }
    await compiling;
    return trips.sort((a, b) => a - b);
  }

  async #compileUntil(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const schema = largeSchema(`schema_${this.#schemaCount++}`);
      const answer = await exchange(this.#target, '/v1/chat/completions', {
        model: this.#model,
        messages: [{ role: 'user', content: 'Hi' }],
        max_tokens: 1,
        response_format: { type: 'json_schema', json_schema: { name: 'large', schema } },
      });
      if (answer.status !== 200) throw new Error(`HTTP ${answer.status} ${bodyText(answer)}`);
    }
  }

  get schemaCount(): number {
    return this.#schemaCount;
  }
}

async function main(model: string, options: { rounds: string; seconds: string }): Promise<void> {
  const server = await startServer({
    command: [process.execPath, 'dist/cli.js', 'serve'],
    serverArguments: ['--model', model],
  });
  const target = createTarget(server.url, null);
  try {
    const turns = new Turns(target, await firstModelOf(target));
    process.stdout.write('| new schemas | round trips | p50 | p99 | longest |\n|---|---|---|---|---|\n');
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const withSchemas of [false, true]) {
        const before = turns.schemaCount;
        const trips = await turns.roundTrips(Number(options.seconds), withSchemas);
        const figures = [0.5, 0.99, 1].map((q) => `${quantile(trips, q).toFixed(1)} ms`).join(' | ');
        process.stdout.write(`| ${turns.schemaCount - before} | ${trips.length} | ${figures} |\n`);
      }
    }
  } finally {
    closeTarget(target);
    await server.stop();
  }
}

await new Command('grammar-delay')
  .argument('<model>', 'directory of a checkpoint')
  .option('--rounds <count>', 'turns without and with schemas', '3')
  .option('--seconds <seconds>', 'of each turn', '5')
  .action(main)
  .parseAsync();
