/**
 * The server under test as a child process of our own: a free port on the loopback interface, ready when GET /ready
 * says so, ended by its own process group and nothing wider.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { closeTarget, createTarget, exchange } from './http-exchange.ts';

const READY_MS_MAX = 120_000;
const POLL_MS = 10;
/** Longer than the server's own drain. */
const STOP_MS_MAX = 35_000;
const OUTPUT_CHARACTERS_KEPT = 4_000;

export type ServerProcess = {
  readonly url: string;
  /** On the clock of `performance.now()`. */
  readonly spawnedAtMs: number;
  readonly readyAfterMs: number;
  /** Resolves when the process has ended. Harmless when called again. */
  stop(): Promise<void>;
};

export type Launch = {
  /** Command and arguments, to which `--host` and `--port` are added. */
  readonly command: readonly string[];
  /** Further arguments, after those. */
  readonly serverArguments: readonly string[];
};

/** @throws Error with the end of the server's own output when it does not become ready. */
export async function startServer(launch: Launch): Promise<ServerProcess> {
  const port = await freePort();
  const [executable, ...fixed] = launch.command;
  const spawnedAtMs = performance.now();
  const child = spawn(
    executable!,
    [...fixed, '--host', '127.0.0.1', '--port', String(port), ...launch.serverArguments],
    // A group of its own, because `npm` puts processes between us and the server.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  const output = keepOutput(child);
  const url = `http://127.0.0.1:${port}`;
  // Whatever ends this process, also while the server is still loading, ends the server.
  const endWithUs = () => signalGroup(child, 'SIGTERM');
  process.once('exit', endWithUs);
  const stop = async () => {
    await stopGroup(child);
    process.off('exit', endWithUs);
  };
  try {
    await once(child, 'spawn'); // rejects when there is no such program
    await becomesReady(url, child);
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${output()}`);
  }
  return { url, spawnedAtMs, readyAfterMs: performance.now() - spawnedAtMs, stop };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to be had');
  return address.port;
}

/** Both pipes must be read, or the server blocks on a full one. */
function keepOutput(child: ChildProcess): () => string {
  let kept = '';
  const take = (bytes: Buffer) => {
    kept = (kept + bytes.toString('utf8')).slice(-OUTPUT_CHARACTERS_KEPT);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  child.on('error', (error) => take(Buffer.from(error.message)));
  return () => kept;
}

async function becomesReady(url: string, child: ChildProcess): Promise<void> {
  const target = createTarget(url, null);
  const deadlineMs = performance.now() + READY_MS_MAX;
  try {
    while (performance.now() < deadlineMs) {
      if (hasEnded(child)) throw new Error(`the server ended before it was ready (exit ${child.exitCode})`);
      const answer = await exchange(target, '/ready');
      if (answer.status === 200) return;
      await delay(POLL_MS);
    }
  } finally {
    closeTarget(target);
  }
  throw new Error(`the server was not ready after ${READY_MS_MAX / 1000} s`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  signalGroup(child, 'SIGTERM');
  const inTime = await Promise.race([ended.then(() => true), delay(STOP_MS_MAX, false, { ref: false })]);
  if (inTime) return;
  signalGroup(child, 'SIGKILL');
  await ended;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (hasEnded(child)) return;
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid!, signal);
  } catch {
    // The group has ended in the meantime, which is what was wanted.
  }
}
