/**
 * What is on its way to clients after the server has said it: an answer is written at once, and read as the client likes.
 * Owns how long one may stay unread, and knows when none is left. Knows nothing of what answers say.
 */

import type { Server, ServerResponse } from 'node:http';

export class OpenAnswers {
  readonly #open = new Set<ServerResponse>();
  readonly #waiting: (() => void)[] = [];

  /**
   * @param unreadMs an answer of which nothing is read for so long ends with its connection: nothing else bounds what clients
   *   that do not read leave in memory
   */
  constructor(server: Pick<Server, 'prependListener'>, unreadMs: number) {
    // Before whoever answers, who may do so at once.
    server.prependListener('request', (_, response: ServerResponse) => {
      this.#open.add(response);
      // All has been said. Before that a silent line may be a request that waits its turn.
      response.once('prefinish', () => response.socket?.setTimeout(unreadMs));
      response.once('close', () => {
        this.#open.delete(response);
        if (this.#open.size === 0) for (const resolve of this.#waiting.splice(0)) resolve();
      });
    });
  }

  /** Resolves when every answer has been handed over, or its client is gone. */
  async settled(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
