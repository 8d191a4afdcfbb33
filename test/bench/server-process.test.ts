import { describe, expect, it } from 'vitest';
import { startServer } from '../../bench/server-process.ts';

/** A server in one line: ready at its second request, and it tells its arguments and pid under any other path. */
const SCRIPT = `
let asked = 0;
const port = process.argv[process.argv.indexOf('--port') + 1];
require('node:http').createServer((request, response) => {
  if (request.url === '/ready') response.writeHead(asked++ === 0 ? 503 : 200).end();
  else response.end(JSON.stringify({ pid: process.pid, arguments: process.argv.slice(2) }));
}).listen(Number(port), '127.0.0.1');
`;

/** `-` keeps Node from taking the server's flags for its own. */
function launchScript(script: string, serverArguments: readonly string[] = []) {
  return { command: [process.execPath, '-e', script, '-'], serverArguments };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('startServer', () => {
  it('waits until the server is ready, and ends the process when stopped', async () => {
    const server = await startServer(launchScript(SCRIPT, ['--model', 'x']));
    const answer = (await (await fetch(`${server.url}/`)).json()) as { pid: number; arguments: string[] };
    expect(answer.arguments).toEqual(expect.arrayContaining(['--host', '127.0.0.1', '--model', 'x']));
    expect(server.readyAfterMs).toBeGreaterThan(0);
    expect(isAlive(answer.pid)).toBe(true);
    await server.stop();
    await server.stop();
    expect(isAlive(answer.pid)).toBe(false);
  });

  it('fails with what the server said when it ends before it is ready', async () => {
    const script = 'console.error("octavo: no such model"); process.exit(1)';
    await expect(startServer(launchScript(script))).rejects.toThrow(
      /ended before it was ready.*no such model/s,
    );
  });

  it('fails when there is no such program', async () => {
    await expect(startServer({ command: ['/nowhere/octavo'], serverArguments: [] })).rejects.toThrow(
      /ENOENT/,
    );
  });
});
