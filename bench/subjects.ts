/** What can be compared: a server over HTTP, one that the benchmark starts itself, and the engine without a server. */

import type { EngineClient } from '../src/engine/engine-client.ts';
import { randomPrompt, streamBare } from './bare-load.ts';
import {
  type ChatTarget,
  firstModelOf,
  measureTokenCost,
  streamChat,
  streamChatOrThrow,
} from './chat-client.ts';
import { type ComparisonPlan, type Subject, WARM_UP_REQUESTS, WARM_UP_SEEDS } from './comparison.ts';
import { closeTarget, createTarget } from './http-exchange.ts';
import { type LoadFlags, launchOf, type ServerFlags } from './options.ts';
import { wordCountFor, wordsOf } from './prompts.ts';
import type { Bench } from './scenario.ts';
import { type Launch, type ServerProcess, startServer } from './server-process.ts';

const PROBE_OUTPUT_TOKENS = 8;

export type Connection = {
  readonly apiKey: string | null;
  /** Whether a connection carries several requests, one after the other. */
  readonly keepsAlive: boolean;
};

export function planOf(flags: LoadFlags): ComparisonPlan {
  return {
    concurrencies: flags.concurrency,
    requestCount: flags.requests ?? null,
    requestsPerStream: flags.requestsPerStream,
    outputTokenCount: flags.outputTokens,
    repeatCount: flags.repeats,
    warmUpRequestCount: WARM_UP_REQUESTS,
    idleWaitMsMax: 1000 * flags.idleWait,
    seed: flags.seed,
  };
}

/** The first model that a running server lists. */
export async function connect(bench: Bench, url: string, connection: Connection): Promise<ChatTarget> {
  const target = createTarget(url, connection.apiKey, connection.keepsAlive);
  bench.atEnd(() => closeTarget(target));
  return { target, model: await firstModelOf(target) };
}

/** Starts `octavo serve`, to be ended with the benchmark. */
export async function launch(bench: Bench, command: Launch): Promise<ServerProcess> {
  const server = await startServer(command);
  bench.atEnd(() => server.stop());
  return server;
}

/** The key in the environment is the one that a server which is started here asks for. */
export function apiKeyOf(key: string | undefined): string | null {
  return key ?? process.env['OCTAVO_API_KEY']?.split(',')[0] ?? null;
}

export type StartFigures = {
  /** From the start of the process. */
  readonly readyMs: number;
  readonly firstTokenMs: number;
};

/** The server at `--url`, or one that is started. */
export async function openServer(
  bench: Bench,
  flags: ServerFlags,
): Promise<{ readonly chat: ChatTarget; readonly start: StartFigures | null }> {
  const server = flags.url === undefined ? await launch(bench, launchOf(flags)) : null;
  const connection = { apiKey: apiKeyOf(flags.apiKey), keepsAlive: true };
  const chat = await connect(bench, flags.url ?? server!.url, connection);
  return { chat, start: server === null ? null : await measureStart(server, chat) };
}

/** The first request to a server that was just started: how long its user would have waited. */
export async function measureStart(server: ServerProcess, chat: ChatTarget): Promise<StartFigures> {
  const record = await streamChatOrThrow(chat, 'Hello', 1);
  return { readyMs: server.readyAfterMs, firstTokenMs: record.firstTokenAtMs - server.spawnedAtMs };
}

export type ServerSubject = Subject & {
  /** Of the server's prompts, by its own count. */
  readonly promptTokenCount: number;
};

/** Prompts of about `promptTokens` tokens by the server's own tokenizer. @throws Error when it does not answer */
export async function serverSubject(
  name: string,
  chat: ChatTarget,
  { promptTokens, seed }: Pick<LoadFlags, 'promptTokens' | 'seed'>,
): Promise<ServerSubject> {
  const wordCount = wordCountFor(await measureTokenCost(chat), promptTokens);
  const { promptTokenCount } = await streamChatOrThrow(
    chat,
    wordsOf(seed + WARM_UP_SEEDS, wordCount),
    PROBE_OUTPUT_TOKENS,
  );
  const send: Subject['send'] = (seedOfPrompt, outputTokenCount) =>
    streamChat(chat, wordsOf(seedOfPrompt, wordCount), outputTokenCount);
  return { name, send, promptTokenCount };
}

/** Prompts of random tokens of exactly `promptTokenCount`. */
export function engineSubject(name: string, engine: EngineClient, promptTokenCount: number): Subject {
  const { vocabularySize } = engine.limits;
  return {
    name,
    send: async (seed, outputTokenCount) => {
      const prompt = randomPrompt(seed, promptTokenCount, vocabularySize);
      const outcome = await streamBare(engine, prompt, outputTokenCount);
      return () => outcome;
    },
  };
}
