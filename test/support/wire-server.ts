/** Routes behind a real socket, for clients that speak HTTP by themselves. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';

export type WireServer = { readonly port: number; readonly close: () => Promise<void> };

/** @param fetch answers each request; may lead to another application for each test */
export async function startWireServer(
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<WireServer> {
  const listener = getRequestListener(fetch);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
