/** The real server as its users start it: the compiled program, in a process of its own, on a free port. */

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

const CLI = path.join(import.meta.dirname, '../../dist/cli.js');

export type ServerProcess = {
  readonly baseUrl: string;
  readonly process: ChildProcess;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** Sends the signal and waits for the end. @returns the exit code, or null when the signal killed it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code when the process has ended. */
  readonly exited: Promise<number | null>;
};

export type StartOptions = {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};

/** Only starts it. @param launcher the command that starts it, and its words; none: it is started itself */
export function spawnServer(
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
  launcher: readonly string[] = [],
) {
  const [command, ...words] = [...launcher, process.execPath, CLI, 'serve', ...flags];
  return spawn(command!, words, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts any of the program's commands with these standard streams. */
export function spawnCommand(words: readonly string[], stdio: StdioOptions): ChildProcess {
  return spawn(process.execPath, [CLI, ...words], { stdio });
}

/** Resolves when the server says where it answers; rejects with its output when it ends before. */
export async function startServer({
  flags = [],
  environment = {},
}: StartOptions = {}): Promise<ServerProcess> {
  const child = spawnServer(['--port', '0', ...flags], environment);
  let text = '';
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const answersAt = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      text += chunk;
      const match = /Octavo answers at (http:\/\/\S+)\/v1/.exec(text);
      if (match) resolve(match[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then((code) => reject(new Error(`the server ended with code ${code}: ${text}`)));
  });
  const baseUrl = await answersAt;
  return {
    baseUrl,
    process: child,
    output: () => text,
    exited,
    async stop(signal = 'SIGKILL') {
      child.kill(signal);
      return exited;
    },
  };
}

/** What takes milliseconds on a quiet machine, on one that has ten times as much to do. Below a test's own time limit. */
const EVENTUALLY_MS_MAX = 25_000;

/** Resolves when `condition` holds, looking again and again; rejects after `EVENTUALLY_MS_MAX`. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + EVENTUALLY_MS_MAX;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so after ${EVENTUALLY_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
