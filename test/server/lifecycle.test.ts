/** How the server comes and goes: start, stop signals, the death of its engine. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import OpenAI, { APIError } from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { scratchCheckpoint } from '../support/checkpoint-files.ts';
import {
  eventually,
  type ServerProcess,
  spawnCommand,
  spawnServer,
  startServer,
} from '../support/server-process.ts';

const LONG_STREAM = {
  model: 'octavo-mini',
  messages: [{ role: 'user', content: 'Tell me a story about a fox.' }],
  stream: true,
  max_tokens: 200,
  ignore_eos: true,
} as OpenAI.ChatCompletionCreateParamsStreaming;

let server: ServerProcess | undefined;
afterEach(async () => {
  await server?.stop();
});

async function openStream(baseUrl: string) {
  const openai = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: 'unused', maxRetries: 0 });
  const stream = await openai.chat.completions.create(LONG_STREAM);
  return stream[Symbol.asyncIterator]();
}

describe('a stop signal', () => {
  it('lets what runs finish, takes nothing new, and ends with code 0', async () => {
    server = await startServer();
    const { baseUrl } = server;
    const chunks = await openStream(baseUrl);
    await chunks.next();
    expect((await fetch(`${baseUrl}/ready`)).status).toBe(200);
    const ended = server.stop('SIGTERM');
    await eventually(async () => (await fetch(`${baseUrl}/ready`)).status === 503);
    const refused = await openStream(baseUrl).catch((reason) => reason);
    expect(refused).toMatchObject({ status: 503, code: 'shutting_down' });
    expect((await fetch(`${baseUrl}/health`)).status).toBe(200);
    let finishReason: string | null = null;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      finishReason = next.value.choices[0]?.finish_reason ?? finishReason;
    }
    expect(finishReason).toBe('length');
    expect(await ended).toBe(0);
  });

  it('ends what does not finish in time with an error of its own', async () => {
    server = await startServer({ flags: ['--shutdown-timeout', '0'] });
    const chunks = await openStream(server.baseUrl);
    await chunks.next();
    const ended = server.stop('SIGINT');
    const drained = (async () => {
      for (let next = await chunks.next(); !next.done; next = await chunks.next());
    })();
    const error = await drained.catch((reason) => reason);
    expect(error).toBeInstanceOf(APIError);
    expect(error.code).toBe('shutting_down');
    expect(await ended).toBe(0);
  });

  it('given twice ends the process at once', async () => {
    server = await startServer();
    const chunks = await openStream(server.baseUrl);
    await chunks.next();
    const { output, exited, process: child } = server;
    child.kill('SIGINT');
    await eventually(async () => output().includes('finishing what runs'));
    // A second signal right behind the first is taken for its echo, so it is sent until it counts.
    await eventually(async () => !child.kill('SIGINT') || child.signalCode !== null);
    await exited;
    expect(child.signalCode).toBe('SIGINT');
  });
});

describe('a stop signal while the model is being loaded', () => {
  it('ends the process at once, whatever the loading does', async () => {
    const { directory, hook } = await deafEngine();
    const port = await freePort();
    const child = spawnServer(['--port', String(port)], { NODE_OPTIONS: `--import=${hook}` });
    await eventually(async () => {
      const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
      return response?.status === 503;
    });
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
    await rm(directory, { recursive: true });
  });
});

/** A module for Node's --import, by which the engine's thread sleeps as native code would, deaf to everything. */
async function deafEngine(untilThen = 'true') {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'octavo-deaf-engine-'));
  const hook = path.join(directory, 'hook.mjs');
  await writeFile(
    hook,
    `import { existsSync } from 'node:fs';
     import { isMainThread } from 'node:worker_threads';
     const sleep = () => {
       if (${untilThen}) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
     };
     if (!isMainThread) sleep();
     if (!isMainThread) setInterval(sleep, 5).unref();`,
  );
  return { directory, hook };
}

/** Makes what it starts the first process of its own, as a container does. */
const AS_FIRST = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

function canBeFirst(): boolean {
  const [command, ...words] = [...AS_FIRST, 'true'];
  return spawnSync(command!, words).status === 0;
}

// All wait for a time of grace and compute next to nothing, so they wait together.
describe.concurrent('an engine that cannot be interrupted', () => {
  it('does not keep a stop signal from ending the process by the way of signals', async ({
    expect,
    onTestFinished,
  }) => {
    const scratch = await mkdtemp(path.join(os.tmpdir(), 'octavo-trigger-'));
    const trigger = path.join(scratch, 'now');
    const { directory, hook } = await deafEngine(`existsSync(${JSON.stringify(trigger)})`);
    const deaf = await startServer({
      flags: ['--shutdown-timeout', '0'],
      environment: { NODE_OPTIONS: `--import=${hook}` },
    });
    onTestFinished(() => void deaf.stop());
    await writeFile(trigger, '');
    void openStream(deaf.baseUrl).catch(() => {});
    expect(await deaf.stop('SIGTERM')).toBeNull();
    expect(deaf.process.signalCode).toBe('SIGTERM');
    expect(deaf.output()).not.toContain('terminate called');
    await Promise.all([directory, scratch].map((each) => rm(each, { recursive: true })));
  });

  it.for([
    ['', [], 'SIGKILL'],
    // Where signals from itself do not end a process. Systems that let tests make no such place leave this out.
    ...(canBeFirst() ? [[' in a container', AS_FIRST, expect.any(String)] as const] : []),
  ] as const)(
    'does not keep a start that cannot succeed%s from saying so',
    async ([, launcher, signal], { expect }) => {
      const { directory, hook } = await deafEngine();
      const checkpoint = await scratchCheckpoint('llama-tied-f32');
      await writeFile(path.join(checkpoint.directory, 'tokenizer.json'), await tinyTokenizer());
      await writeFile(path.join(checkpoint.directory, 'chat_template.jinja'), '{% if %}');
      const flags = ['--port', '0', '--model', checkpoint.directory];
      const child = spawnServer(flags, { NODE_OPTIONS: `--import=${hook}` }, launcher);
      const exited = once(child, 'exit');
      const [told] = await once(child.stderr, 'data');
      expect(String(told)).toMatch(/^octavo: .*template/);
      expect(await exited).toEqual([null, signal]);
      await rm(directory, { recursive: true });
      await checkpoint.remove();
    },
  );
});

/** A server with code of the test in each of its threads, in which `isDue()` is true once `trigger` was called. */
async function startWithHook(code: string) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'octavo-hook-'));
  const flag = path.join(directory, 'now');
  const hook = path.join(directory, 'hook.mjs');
  const isDue = `const isDue = () => existsSync(${JSON.stringify(flag)});`;
  await writeFile(hook, `import { existsSync } from 'node:fs';\n${isDue}\n${code}`);
  server = await startServer({ environment: { NODE_OPTIONS: `--import=${hook}` } });
  return {
    server,
    trigger: () => writeFile(flag, ''),
    remove: () => rm(directory, { recursive: true }),
  };
}

describe('a fault that nothing catches', () => {
  it.each([
    ["the engine's thread", '!isMainThread'],
    ['the main thread', 'isMainThread'],
  ])(
    'of %s ends open streams with an error, turns /health to 503, and the process with code 1',
    async (_, where) => {
      const hooked = await startWithHook(`
        import { isMainThread } from 'node:worker_threads';
        const fault = () => { if (isDue()) throw new Error('planted fault'); };
        if (${where}) setInterval(fault, 5).unref();`);
      const { baseUrl, exited, output } = hooked.server;
      const chunks = await openStream(baseUrl);
      await chunks.next();
      await hooked.trigger();
      const rest = (async () => {
        for (let next = await chunks.next(); !next.done; next = await chunks.next());
      })();
      const error = await rest.catch((reason) => reason);
      expect(error).toMatchObject({ code: 'engine_dead' });
      expect(error.message).not.toContain('planted');
      expect((await fetch(`${baseUrl}/health`)).status).toBe(503);
      expect(await exited).toBe(1);
      expect(output()).toMatch(/planted fault.*hook\.mjs/);
      await hooked.remove();
    },
  );
});

describe('a connection that cannot be taken', () => {
  it('is told in the log, and costs the others nothing', async () => {
    // What Node hears where the system has no memory for a connection.
    const hooked = await startWithHook(`
      import net from 'node:net';
      import os from 'node:os';
      const { listen } = net.Server.prototype;
      net.Server.prototype.listen = function (...words) {
        const refuse = () => { if (isDue()) this._handle.onconnection(-os.constants.errno.ENOBUFS); };
        setInterval(refuse, 5).unref();
        return listen.apply(this, words);
      };`);
    const { baseUrl, output } = hooked.server;
    const chunks = await openStream(baseUrl);
    await chunks.next();
    await hooked.trigger();
    await eventually(async () => /accept ENOBUFS.*cannot be taken/.test(output()));
    expect((await fetch(`${baseUrl}/health`)).status).toBe(200);
    expect((await chunks.next()).done).toBe(false);
    expect(output().match(/accept ENOBUFS.*cannot be taken/g)).toHaveLength(1);
    await hooked.remove();
  });
});

describe('a start', () => {
  it('says when the cache is too small for the context that the model was made for', async () => {
    server = await startServer({ flags: ['--kv-cache-memory', '1MiB'] });
    expect(server.output()).toMatch(/context {3}\d+ tokens of the model's 2048: the KV cache holds no more/);
    await server.stop();
    server = await startServer();
    expect(server.output()).toMatch(/context {3}2048 tokens\n/);
  });
});

describe('a server', () => {
  it('leaves nothing but its own cache in the home and the temporary folder of its user', async () => {
    const home = await mkdtemp(path.join(os.tmpdir(), 'octavo-home-'));
    server = await startServer({
      environment: { HOME: home, TMPDIR: home, XDG_CACHE_HOME: path.join(home, '.cache') },
    });
    const chunks = await openStream(server.baseUrl);
    await chunks.next();
    await server.stop('SIGINT');
    const left = await readdir(home, { recursive: true });
    expect(left.filter((name) => !name.startsWith('.cache/octavo'))).toEqual(['.cache']);
    await rm(home, { recursive: true });
  });
});

describe('what the program says, where nobody takes it', () => {
  it('does not keep the server from serving, nor from ending as it would', async () => {
    const fullDisk = await open('/dev/full', 'w');
    const port = await freePort();
    const child = spawnCommand(['serve', '--port', String(port)], ['ignore', fullDisk.fd, fullDisk.fd]);
    const exited = once(child, 'exit');
    await eventually(async () => {
      const response = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
      return response?.status === 200 || child.exitCode !== null;
    });
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await fullDisk.close();
  });

  it('is no fault of the program when its reader has left', async () => {
    const child = spawnCommand(['openapi'], ['ignore', 'pipe', 'pipe']);
    child.stdout!.destroy();
    const errors: Buffer[] = [];
    child.stderr!.on('data', (chunk: Buffer) => errors.push(chunk));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(String(Buffer.concat(errors))).toBe('');
  });

  it('is a failure of a command that does nothing else when there is no room for it', async () => {
    const fullDisk = await open('/dev/full', 'w');
    const child = spawnCommand(['openapi'], ['ignore', fullDisk.fd, 'pipe']);
    const [told] = await once(child.stderr!, 'data');
    expect(String(told)).toMatch(/^octavo: .*ENOSPC[^\n]*\n$/);
    expect(await once(child, 'close')).toEqual([1, null]);
    await fullDisk.close();
  });
});

describe('a start that cannot succeed', () => {
  it.each([
    ['a port that is taken', (port: string) => ['--port', port], /the port is taken/],
    [
      'a folder for traces that is not there',
      () => ['--profile', '/nowhere/at/all'],
      /--profile .*no folder/,
    ],
  ])('ends before the engine begins to load: %s', async (_, flagsFor, expected) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const error = await startServer({ flags: flagsFor(String(port)) }).catch((reason) => reason);
    expect(error.message).toMatch(/ended with code 1: octavo: /);
    expect(error.message).toMatch(expected);
    holder.close();
  });

  it('is one line on stderr that says what is wrong, and a code that is not 0', async () => {
    const checkpoint = await scratchCheckpoint('llama-tied-f32');
    await checkpoint.editConfig({ architectures: ['GPT2LMHeadModel'] });
    await writeFile(path.join(checkpoint.directory, 'tokenizer.json'), await tinyTokenizer());
    const error = await startServer({ flags: ['--model', checkpoint.directory] }).catch((reason) => reason);
    expect(error.message).toMatch(/ended with code 1: octavo: config\.json: architecture "GPT2LMHeadModel"/);
    expect(error.message.trim()).not.toContain('\n');
    await checkpoint.remove();
  });

  it('says of a port that the system keeps, as Windows does whole ranges, that there are others', async () => {
    const refused = `
      import net from 'node:net';
      net.Server.prototype.listen = function () {
        const error = Object.assign(new Error('listen EACCES: permission denied'), { code: 'EACCES' });
        setImmediate(() => this.emit('error', error));
      };`;
    const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(refused)}` };
    const error = await startServer({ environment }).catch((reason) => reason);
    expect(error.message).toMatch(/code 1: octavo: cannot listen on .* the system keeps .* with --port$/m);
  });

  it('says in one line that the library of ONNX Runtime does not load, and why', async () => {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'octavo-hook-'));
    const hook = path.join(directory, 'hook.mjs');
    // As Alpine's loader says it.
    await writeFile(
      hook,
      `process.dlopen = () => {
         throw Object.assign(new Error('Error loading shared library: x.so'), { code: 'ERR_DLOPEN_FAILED' });
       };`,
    );
    const environment = { NODE_OPTIONS: `--import=${hook}` };
    const error = await startServer({ environment }).catch((reason) => reason);
    expect(error.message).toMatch(
      /code 1: octavo: ONNX Runtime's library cannot be loaded: .* library: x\.so$/m,
    );
    expect(error.message.trim()).not.toContain('\n');
    await rm(directory, { recursive: true });
  });

  it('says of the name of a model on a hub that models are not downloaded', async () => {
    const error = await startServer({ flags: ['--model', 'Qwen/Qwen3-0.6B'] }).catch((reason) => reason);
    expect(error.message).toMatch(/octavo: --model Qwen\/Qwen3-0\.6B is not a directory here.*hf download/);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function tinyTokenizer(): Promise<string> {
  return readFile(path.join(import.meta.dirname, '../../models/octavo-mini/tokenizer.json'), 'utf8');
}
