/**
 * How long the server keeps others waiting while it compiles grammars: GET /health over and over, in turns without and with
 * requests that each bring a new schema near the bound of states, one after the other.
 */

import type { ChatTarget } from '../chat-client.ts';
import { healthTimes } from '../health-probe.ts';
import { bodyText, exchange } from '../http-exchange.ts';
import { countOption, repeatsOption, type ServerFlags, serverOptions } from '../options.ts';
import { scenario } from '../scenario.ts';
import { type Distribution, distribution, overRepeats, ratioOverRepeats } from '../statistics.ts';
import { openServer } from '../subjects.ts';
import { rangeCell, ratioCell, renderTable } from '../table.ts';

type Flags = ServerFlags & { readonly seconds: number; readonly repeats: number };

type Turn = { readonly health: Distribution; readonly schemaCount: number };

const PROPERTIES = 800;

/** 43,000 states. */
function largeSchema(name: string): object {
  const keys = Array.from({ length: PROPERTIES }, (_, index) => `${name}_with_a_long_name_${index}`);
  const properties = Object.fromEntries(keys.map((key) => [key, { type: 'string', maxLength: 10 }]));
  return { type: 'object', properties, required: keys, additionalProperties: false };
}

/** @returns how many were compiled */
async function compileSchemas(
  { target, model }: ChatTarget,
  prefix: string,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const schema = largeSchema(`${prefix}_${count}`);
    const answer = await exchange(target, '/v1/chat/completions', {
      model,
      messages: [{ role: 'user', content: 'Hi' }],
      max_tokens: 1,
      response_format: { type: 'json_schema', json_schema: { name: 'large', schema } },
    });
    if (answer.status !== 200) throw new Error(`HTTP ${answer.status} ${bodyText(answer)}`);
    count++;
  }
  return count;
}

async function runTurn(chat: ChatTarget, seconds: number, schemas: string | null): Promise<Turn> {
  const endMs = performance.now() + 1000 * seconds;
  const isOver = () => performance.now() >= endMs;
  const [health, schemaCount] = await Promise.all([
    healthTimes(chat.target, isOver),
    schemas === null ? 0 : compileSchemas(chat, schemas, isOver),
  ]);
  return { health: distribution(health)!, schemaCount };
}

const QUANTILES = ['median', 'p99', 'max'] as const;

function figuresOf(turns: readonly Turn[]) {
  return {
    median: overRepeats(turns.map(({ health }) => health.median)),
    p99: overRepeats(turns.map(({ health }) => health.p99)),
    max: overRepeats(turns.map(({ health }) => health.max)),
    schemaCount: overRepeats(turns.map(({ schemaCount }) => schemaCount)),
  };
}

export const grammarDelay = scenario<Flags>({
  name: 'grammar-delay',
  summary: '/health while grammars are compiled',
  options: [...serverOptions(), countOption('seconds', 'of each turn', 5), repeatsOption(3)],
  run: async (flags, bench) => {
    const { chat } = await openServer(bench, flags);
    const calm: Turn[] = [];
    const busy: Turn[] = [];
    for (let repeat = 0; repeat < flags.repeats; repeat++) {
      bench.progress(`repeat ${repeat + 1}: without schemas, then with`);
      calm.push(await runTurn(chat, flags.seconds, null));
      busy.push(await runTurn(chat, flags.seconds, `schema_${repeat}`));
    }
    const figures = { without: figuresOf(calm), withSchemas: figuresOf(busy) };
    const rows = QUANTILES.map((name) => {
      const without = figures.without[name];
      const beside = figures.withSchemas[name];
      const ratio = ratioOverRepeats(beside?.values ?? [], without?.values ?? []);
      return [`GET /health, ${name}, ms`, rangeCell(without), rangeCell(beside), ratioCell(ratio)];
    });
    const table = renderTable(['', 'without (min..max)', 'beside new schemas', 'ratio'], rows);
    const text = `${table}\n\nschemas compiled in a turn: ${rangeCell(figures.withSchemas.schemaCount)}`;
    return { figures, text, failureCount: 0 };
  },
});
