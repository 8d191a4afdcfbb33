/**
 * Takes a stream of server-sent events apart, wherever the network has cut it: inside a character, a line end or
 * an event. After the WHATWG standard, "9.2.6 Interpreting an event stream". Keeps the data of events only: names,
 * ids and comments mean nothing to a load generator.
 */

export class SseDecoder {
  readonly #utf8 = new TextDecoder();
  #text = '';
  #dataLines: string[] = [];

  /** The data of every event that is complete with these bytes, in order. */
  push(bytes: Uint8Array): string[] {
    this.#text += this.#utf8.decode(bytes, { stream: true });
    const events: string[] = [];
    let begin = 0;
    for (;;) {
      const end = this.#lineEnd(begin);
      if (end === null) break;
      this.#takeLine(this.#text.slice(begin, end.at), events);
      begin = end.next;
    }
    this.#text = this.#text.slice(begin);
    return events;
  }

  /** A carriage return that is the last character so far is not decided yet: a line feed may follow. */
  #lineEnd(from: number): { at: number; next: number } | null {
    for (let at = from; at < this.#text.length; at++) {
      const character = this.#text[at];
      if (character === '\n') return { at, next: at + 1 };
      if (character !== '\r') continue;
      if (at + 1 === this.#text.length) return null;
      return { at, next: this.#text[at + 1] === '\n' ? at + 2 : at + 1 };
    }
    return null;
  }

  #takeLine(line: string, events: string[]): void {
    if (line === '') {
      if (this.#dataLines.length > 0) events.push(this.#dataLines.join('\n'));
      this.#dataLines = [];
    } else if (line.startsWith('data:')) {
      this.#dataLines.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
  }
}
