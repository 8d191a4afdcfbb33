/**
 * What is on its way to clients after the server has said it: an answer is written at once, and read as the client likes.
 * Owns how long one may stay unread, knows when those are gone that were there, and has every one hear of it that its client
 * has left. Knows nothing of what answers say.
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

type OpenAnswer = {
  readonly request: IncomingMessage;
  isSaid: boolean;
  readonly onGone: (() => void)[];
};

export class OpenAnswers {
  /** Of each connection; more than one where requests are sent before the answer to the one in front has come. */
  readonly #connections = new Map<Duplex, Map<ServerResponse, OpenAnswer>>();
  readonly #unreadMs: number;

  /**
   * To be made before the server has anyone who answers.
   * @param unreadMs an answer of which nothing is read for so long ends with its connection: nothing else bounds what clients
   *   that do not read leave in memory
   */
  constructor(server: Pick<Server, 'on'>, unreadMs: number) {
    this.#unreadMs = unreadMs;
    server.on('request', (request, response) => this.#enter(request, response));
  }

  /** Resolves when the answers to all requests that have arrived whole have been handed over, or their clients are gone. */
  async settled(): Promise<void> {
    const open = [...this.#connections.values()].flatMap((answers) => [...answers.values()]);
    const gone = open
      .filter(({ request }) => request.complete)
      .map(({ onGone }) => new Promise<void>((resolve) => onGone.push(resolve)));
    await Promise.all(gone);
  }

  /**
   * Whether what is written to the connection now would be taken for an answer that is on its way, or for a part of it: one has
   * begun, or is owed to a request that has arrived whole.
   */
  isOwedOn(connection: Duplex): boolean {
    return this.#openOn(connection).some(
      ([response, { request }]) => response.headersSent || request.complete,
    );
  }

  /** Whether all that is owed on the connection is the answer to one whole request, and nothing of that is written. */
  isOneAwaitedOn(connection: Duplex): boolean {
    const [first, ...others] = this.#openOn(connection);
    if (first === undefined || others.length > 0) return false;
    const [response, { request }] = first;
    return request.complete && !response.headersSent;
  }

  /** Something else has been said in their place: the answers owed on the connection hear that it is closed to them. */
  letGo(connection: Duplex): void {
    for (const [response] of this.#openOn(connection)) {
      if (response.socket !== null) response.detachSocket(response.socket);
      closeBeforeTurn(response);
    }
  }

  #openOn(connection: Duplex): readonly (readonly [ServerResponse, OpenAnswer])[] {
    return [...(this.#connections.get(connection) ?? [])];
  }

  #enter(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const answers = this.#answersOf(socket);
    const answer: OpenAnswer = { request, isSaid: false, onGone: [] };
    answers.set(response, answer);
    response.once('prefinish', () => {
      answer.isSaid = true;
      socket.setTimeout(this.#unreadMs);
    });
    response.once('close', () => {
      answers.delete(response);
      for (const tell of answer.onGone) tell();
      // The next one on the line may be a request that waits its turn in silence.
      const isWaiting = [...answers.values()].some(({ isSaid }) => !isSaid);
      if (isWaiting) socket.setTimeout(0);
    });
  }

  #answersOf(socket: Socket): Map<ServerResponse, OpenAnswer> {
    const known = this.#connections.get(socket);
    if (known !== undefined) return known;
    const answers = new Map<ServerResponse, OpenAnswer>();
    this.#connections.set(socket, answers);
    socket.once('close', () => {
      this.#connections.delete(socket);
      for (const response of [...answers.keys()]) if (response.socket === null) closeBeforeTurn(response);
    });
    return answers;
  }
}

/** Node tells only the response that has the connection's turn that the connection is closed; those behind it would run on. */
function closeBeforeTurn(response: ServerResponse): void {
  response.destroy();
  response.emit('close');
}
