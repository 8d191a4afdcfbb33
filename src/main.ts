/**
 * Puts the server together and listens; how it ends is the business of `process-end.ts`. Everything that is random, timed
 * or of this machine enters the house here.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { type Logger, pino } from 'pino';
import { systemClock } from './base/clock.ts';
import { ServerError, StartupError } from './base/errors.ts';
import {
  ANSWER_UNREAD_MS,
  ARRIVING_BODY_BYTES_MAX,
  HEARTBEAT_MS,
  KEEP_ALIVE_MS,
  LOG_UNWRITTEN_BYTES_MAX,
  REFUSALS_TOLD_EVERY_MS,
  REQUEST_BODY_BYTES_MAX,
  REQUEST_RECEIVE_MS,
  STALLED_AFTER_MS,
  STREAM_WRITES_PER_SECOND,
} from './base/limits.ts';
import { engineOptions, type ServeConfig } from './config.ts';
import type { ChannelEngineClient } from './engine/channel-engine-client.ts';
import { readEndOfTextTokenIds, readGenerationDefaults } from './engine/generation-defaults.ts';
import { GrammarThread } from './engine/grammar-thread.ts';
import {
  type ModelFiles,
  type ModelSource,
  parseModelFiles,
  readModelSource,
} from './engine/model-directory.ts';
import { addedTokenIds, ModelGrammars, vocabularyTrie } from './engine/model-grammars.ts';
import { countGpusAsNvidiaSmi, hideSoftwareDrivers } from './engine/native-environment.ts';
import { createPromptEncoder } from './engine/prompt-encoder.ts';
import { PromptThread } from './engine/prompt-thread.ts';
import type { EngineLimits, PlacementReport } from './engine/protocol.ts';
import type { TextGenerator } from './engine/text-generation.ts';
import { createTextGenerator } from './engine/text-generator.ts';
import { startWorkerEngine } from './engine/worker-engine.ts';
import { loadingReport } from './loading-report.ts';
import { OpenAnswers } from './open-answers.ts';
import {
  endWhenEngineDies,
  endWithEngine,
  exitOnSignal,
  type Http,
  takeDownOnSignal,
} from './process-end.ts';
import { toApiError } from './routes/api-error.ts';
import { createApp } from './routes/app.ts';
import { brokenRequests, lacksHost } from './routes/broken-request.ts';
import { EngineMetrics } from './routes/engine-metrics.ts';
import { BodyReader } from './routes/request-body.ts';
import { ResponseStore } from './routes/responses/response-store.ts';
import { WritePacer } from './routes/write-pacer.ts';
import type { MessageParsers } from './text/message/message-dialect.ts';
import { Vocabulary } from './text/vocabulary.ts';

const newId = (): string => randomUUID();

export type BuildFacts = { readonly version: string };

/**
 * Resolves when the server answers requests; it then lives until a signal or a failure ends the process.
 * @throws StartupError when the model or the address cannot be used.
 */
export async function serve(config: ServeConfig, build: BuildFacts): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  const stopExiting = exitOnSignal();
  const logger = createLogger(config);
  if (config.device === 'auto') hideSoftwareDrivers(process.env);
  countGpusAsNvidiaSmi(process.env);
  // What can be wrong with them is told before the engine loads, which cannot be interrupted.
  const model = await readModelSource(config.model);
  const files = parseModelFiles(model);
  if (config.profile !== null) await requireFolderOf(config.profile);
  const http = await listen(config);
  outliveRefusals(http.server, logger);
  const engine = startWorkerEngine({
    engine: engineOptions(config),
    inFlightMax: config.maxInFlight,
    clock: systemClock,
    onLoading: loadingReport(systemClock, process.stderr),
  });
  const { server } = http;
  try {
    const generator = loadTextGenerator(config, { model, files }, engine);
    http.answerBy(await createHttp(config, build, { engine, generator, logger }));
    const limits = await engine.ready;
    stopExiting();
    takeDownOnSignal({ ...http, engine, config, logger });
    announce(server, config, { limits, placement: engine.placement! }, systemClock.monotonicMs() - startedMs);
    endWhenEngineDies(engine, logger);
  } catch (error) {
    server.close();
    server.closeAllConnections();
    // Not waited for: the error is told first.
    void endWithEngine(engine);
    throw error;
  }
}

/** What cannot be written, as on a full disk, waits for a later line that can; it is no reason to end. */
function createLogger({ logLevel: level }: ServeConfig): Logger {
  const stderr = pino.destination({ dest: 2, sync: true, maxLength: LOG_UNWRITTEN_BYTES_MAX });
  stderr.on('error', () => {});
  return pino({ level, base: null }, stderr);
}

/** ONNX Runtime writes no trace where there is no folder, and does not say so. @throws StartupError */
async function requireFolderOf(prefix: string): Promise<void> {
  const folder = path.dirname(path.resolve(prefix));
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new StartupError(`--profile ${prefix}: there is no folder ${folder}`);
}

function loadTextGenerator(
  config: ServeConfig,
  { model, files }: { readonly model: ModelSource; readonly files: ModelFiles },
  client: ChannelEngineClient,
): TextGenerator {
  const parsers = messageParsers(config);
  const encoder = createPromptEncoder(files, parsers);
  const vocabulary = new Vocabulary(files.tokenizer);
  const { namedSpecialTokens, addedTokens } = encoder.tokenizer;
  const grammarThread = new GrammarThread({ addedTokenIds: addedTokenIds(encoder.tokenizer) });
  const endOfText = addedTokens.find(
    (token) => token.special && token.content === namedSpecialTokens['eos_token'],
  );
  return createTextGenerator({
    ...encoder,
    client,
    vocabulary,
    longPrompts: new PromptThread({ model, parsers }),
    // Meanwhile the worker loads the model: nobody waits for this.
    grammars: new ModelGrammars(vocabularyTrie(vocabulary), grammarThread),
    defaults: readGenerationDefaults(files.generationConfig),
    endOfTextTokenIds: readEndOfTextTokenIds({
      generationConfig: files.generationConfig,
      modelConfig: files.config,
      tokenizerEndOfTextId: endOfText?.id ?? null,
    }),
    drawSeed: () => randomBytes(4).readUInt32LE(),
  });
}

function messageParsers({ toolCallParser, reasoningParser }: ServeConfig): MessageParsers {
  return {
    toolCalls: toolCallParser === 'none' ? null : toolCallParser,
    reasoning: reasoningParser === 'none' ? null : reasoningParser,
  };
}

async function createHttp(
  config: ServeConfig,
  build: BuildFacts,
  parts: {
    readonly engine: ChannelEngineClient;
    readonly generator: TextGenerator;
    readonly logger: Logger;
  },
) {
  const { engine, generator, logger } = parts;
  const root = path.basename(path.resolve(config.model));
  const names = config.servedModelName.length > 0 ? config.servedModelName : [root];
  const responseStore = new ResponseStore({ bytesMax: config.responseStoreMemory });
  const created = Math.floor((await stat(config.model)).mtimeMs / 1000);
  return createApp({
    engine,
    generator,
    models: names.map((id) => ({
      id,
      root,
      created,
      get modelLengthMax() {
        return engine.limits.modelLengthMax;
      },
    })),
    apiKeys: config.apiKey,
    corsOrigins: config.corsOrigin,
    strictFields: config.strictFields,
    usesPriority: config.schedulingPolicy === 'priority',
    usesPredictions: config.speculation !== 'off',
    metrics: new EngineMetrics({
      modelName: names[0]!,
      engine,
      clock: systemClock,
      responseStore,
      withProcessMetrics: true,
    }),
    clock: systemClock,
    logger,
    newId,
    version: build.version,
    systemFingerprint: `octavo-${build.version}`,
    bodies: new BodyReader({
      bytesMax: REQUEST_BODY_BYTES_MAX,
      arrivingBytesMax: ARRIVING_BODY_BYTES_MAX,
    }),
    responseStore,
    heartbeatMs: HEARTBEAT_MS,
    pacer: new WritePacer({
      clock: systemClock,
      writesPerSecond: STREAM_WRITES_PER_SECOND,
      delayMsMax: config.streamDelay,
    }),
    stalledAfterMs: STALLED_AFTER_MS,
  });
}

type App = ReturnType<typeof createApp>;

/** Listens, and says that it is not ready until it is told what answers. @throws StartupError when it cannot. */
async function listen(config: ServeConfig): Promise<Http & { readonly answerBy: (app: App) => void }> {
  const broken = brokenRequests(newId);
  // An HTTP/1.1 request without a host is refused, but in the form of every other error.
  const server = createServer({ requireHostHeader: false });
  const answers = new OpenAnswers(server, ANSWER_UNREAD_MS);
  server.on('request', answerNotReady);
  const answerBy = (app: App): void => {
    // `hostname` stands in where a request names no host, as HTTP/1.0 allows.
    const listener = getRequestListener(app.fetch, { hostname: 'localhost', errorHandler: broken.respond });
    server.off('request', answerNotReady);
    server.on('request', (request, response) => {
      if (lacksHost(request)) broken.onMissingHost(request, response);
      else void listener(request, response);
    });
  };
  server.requestTimeout = REQUEST_RECEIVE_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  refuseBroken({ server, answers }, broken);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = PORT_REFUSALS[cause.code ?? ''] ?? cause.message;
      reject(new StartupError(`cannot listen on ${config.host}:${config.port}: ${why}`, { cause }));
    });
    server.listen(config.port, config.host, resolve);
  });
  return { server, answers, answerBy };
}

/** Windows keeps ranges of ports for itself (those of Hyper-V change with every start), other systems those below 1024. */
const PORT_REFUSALS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken; choose another with --port',
  EACCES: 'the system keeps the port for others; choose another with --port',
};

/**
 * The system may be without memory or permission for a connection, or tell of one that has failed already; the next one may be
 * taken. It may say so thousands of times a second.
 */
function outliveRefusals(server: Server, logger: Logger): void {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  server.on('error', (error) => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - toldAtMs < REFUSALS_TOLD_EVERY_MS) return;
    toldAtMs = nowMs;
    logger.error({ err: error }, 'a connection cannot be taken');
  });
}

/**
 * Behind an answer that is on its way an error cannot be told from it, so there the connection only ends; unless one request
 * alone waits, to which what is behind it most often belongs.
 */
function refuseBroken({ server, answers }: Http, broken: ReturnType<typeof brokenRequests>): void {
  server.on('clientError', (error, socket) => {
    if (!answers.isOwedOn(socket)) broken.onClientError(error, socket);
    else if (answers.isOneAwaitedOn(socket)) {
      broken.onBytesBehind(error, socket);
      answers.letGo(socket);
    } else socket.destroy();
  });
  server.on('connect', (_request, socket) => {
    if (answers.isOwedOn(socket)) socket.destroy();
    else broken.onConnect(socket);
  });
  server.on('checkExpectation', broken.onUnknownExpectation);
}

function answerNotReady(_request: IncomingMessage, response: ServerResponse): void {
  const starting = new ServerError('not_ready', 'The server is starting; try again.');
  const { status, headers, body } = toApiError(starting);
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function announce(
  server: Server,
  config: ServeConfig,
  { limits, placement }: { readonly limits: EngineLimits; readonly placement: PlacementReport },
  startMs: number,
): void {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const tokenCount = (limits.blockCount - 1) * limits.blockSize;
  const lines = [
    `model     ${config.model}`,
    `context   ${limits.modelLengthMax} tokens${shortened(limits.modelLengthMax, placement, config)}`,
    `KV cache  ${limits.blockCount - 1} blocks of ${limits.blockSize} = ${tokenCount} tokens = ${(tokenCount / limits.modelLengthMax).toFixed(1)} full-length sequences, ${(limits.cacheBytes / 2 ** 20).toFixed(0)} MiB in ${placement.cacheType}`,
    `device    ${describePlacement(placement, config)}`,
    ...placement.fallbacks.map((node) => `          on the CPU for want of a kernel: ${node}`),
    `engine    ${limits.sequencesPerStepMax} sequences, ${limits.tokensPerStepMax} tokens a step`,
    `Octavo answers at http://${host}:${port}/v1 (ready in ${(startMs / 1000).toFixed(1)} s)`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A context that was cut down to the cache is said, for clients will hear of it. */
function shortened(length: number, { positionsMax }: PlacementReport, { maxModelLen }: ServeConfig): string {
  if (maxModelLen !== null || length === positionsMax) return '';
  return ` of the model's ${positionsMax}: the KV cache holds no more (--kv-cache-memory)`;
}

const DEVICE_NAMES = { cpu: 'CPU', cuda: 'CUDA', webgpu: 'WebGPU' } as const;

function describePlacement(placement: PlacementReport, { threads }: ServeConfig): string {
  const { device, type, weightForm, reason } = placement;
  const how = `${device === 'cpu' ? `${threads} threads` : type}, weights in ${weightForm ?? type}`;
  return `${DEVICE_NAMES[device]}, ${how} (${reason})`;
}
