/**
 * Turns an engine over: takes commands from an inbox at the top of each step, sends one event a step. What arrives
 * during a step waits in the inbox, so nothing changes under a running step.
 */

import type { Engine } from './engine.ts';
import type { EngineCommand, EngineEvent } from './protocol.ts';

export class EngineInbox {
  #commands: EngineCommand[] = [];
  /** Of nobody, or of one that has woken, it does nothing. */
  #wake: () => void = () => {};

  push(command: EngineCommand): void {
    this.#commands.push(command);
    this.#wake();
  }

  takeAll(): readonly EngineCommand[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  async waitForCommand(): Promise<void> {
    if (this.#commands.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

export type EngineLoopOptions = {
  readonly engine: Engine;
  readonly inbox: EngineInbox;
  readonly send: (event: EngineEvent) => void;
  /** Called before each step: fetches commands that have arrived but not been delivered yet. */
  readonly poll?: () => void;
};

/** Runs until `engine-close` is received. Rejects when the engine cannot go on. */
export async function runEngineLoop({ engine, inbox, send, poll }: EngineLoopOptions): Promise<void> {
  for (;;) {
    poll?.();
    for (const command of inbox.takeAll()) {
      if (command.kind === 'engine-close') return;
      engine.receive(command);
    }
    if (!engine.hasWork) {
      await inbox.waitForCommand();
      continue;
    }
    const result = await engine.step();
    if (result !== null) send({ kind: 'step-result', ...result });
  }
}
