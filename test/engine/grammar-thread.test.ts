/** Grammars in a thread of their own: the same programs and refusals, nobody waits, nothing is lost when the thread fails. */

import { describe, expect, it } from 'vitest';
import { GrammarThread } from '../../src/engine/grammar-thread.ts';
import { ModelGrammars } from '../../src/engine/model-grammars.ts';
import { compileGrammar } from '../../src/sampling/grammar/compile-grammar.ts';
import type { GrammarSource } from '../../src/sampling/grammar/grammar-source.ts';
import { trieOf } from '../sampling/grammar/grammar-driver.ts';
import { HeldThread } from '../support/grammars.ts';

const workerUrl = new URL('../../dist/engine/grammar-worker.js', import.meta.url);
const wanted = () => true;
const SMALL: GrammarSource = { kind: 'literal', text: 'yes' };

function aThread(url = workerUrl, compileMsMax?: number): GrammarThread {
  const limit = compileMsMax === undefined ? {} : { compileMsMax };
  return new GrammarThread({ addedTokenIds: new Map([['<end>', 7]]), workerUrl: url, ...limit });
}

/** A worker that answers with its input, after this. */
function scripted(statement: string): URL {
  const code = `
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage({ kind: 'thread-up' });
    parentPort.on('message', ({ callId, input }) => {
      ${statement}
      parentPort.postMessage({ callId, kind: 'call-done', output: input });
    });`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

/** A schema whose grammar has somewhat less than the 50,000 states that are allowed. */
function largeSchema(name: string): GrammarSource {
  const keys = Array.from({ length: 900 }, (_, index) => `${name}_with_a_long_name_${index}`);
  const properties = Object.fromEntries(keys.map((key) => [key, { type: 'string', maxLength: 10 }]));
  return { kind: 'json-schema', schema: { type: 'object', properties, required: keys } };
}

/** @returns the turns of the event loop until the promise was settled. */
async function turnsUntil(promise: Promise<unknown>): Promise<number> {
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  promise.then(settle, settle);
  let turns = 0;
  for (; !isSettled; turns++) await new Promise((resolve) => setImmediate(resolve));
  return turns;
}

describe('the thread that compiles grammars', () => {
  const thread = aThread();

  it('makes the programs that this thread would make, in shared memory', async () => {
    const sources: GrammarSource[] = [
      SMALL,
      { kind: 'json-object' },
      { kind: 'special-token', text: '<end>' },
    ];
    for (const source of sources) {
      const program = await thread.compile(JSON.stringify(source), wanted);
      expect(program).toEqual(compileGrammar(source, { addedTokenId: () => 7 }));
      expect(program.edges.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });

  it('leaves this one free to go on while it compiles', async () => {
    await thread.compile(JSON.stringify(SMALL), wanted);
    expect(await turnsUntil(thread.compile(JSON.stringify(largeSchema('a')), wanted))).toBeGreaterThan(3);
  });

  it('brings the code and the parameter of a refusal over', async () => {
    const source: GrammarSource = { kind: 'regex', pattern: '(?=a)', param: 'guided_regex' };
    const refused = thread.compile(JSON.stringify(source), wanted);
    await expect(refused).rejects.toMatchObject({
      name: 'ServerError',
      code: 'unsupported_parameter',
      param: 'guided_regex',
    });
  });

  it('names the limit that a grammar hits', async () => {
    const source: GrammarSource = { kind: 'regex', pattern: 'a{60000}', param: 'regex' };
    const refused = thread.compile(JSON.stringify(source), wanted);
    await expect(refused).rejects.toThrow('more than 50000 states');
  });

  it('takes a short source before a long one that came earlier', async () => {
    const order: string[] = [];
    const compile = async (name: string, source: GrammarSource) => {
      await thread.compile(JSON.stringify(source), wanted);
      order.push(name);
    };
    await Promise.all([
      compile('running', largeSchema('a')),
      compile('large', largeSchema('b')),
      compile('small', SMALL),
    ]);
    expect(order).toEqual(['running', 'small', 'large']);
  });

  it('refuses what takes too long, and goes on with what waits behind it', async () => {
    const hasty = aThread(scripted(`if (input === 'endless') for (;;);`), 2000);
    const endless = hasty.compile('endless', wanted);
    const behind = hasty.compile('waits behind it', wanted);
    await expect(endless).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('not compiled within 2 s'),
    });
    expect(await behind).toBe('waits behind it');
  });

  it('does not keep the process alive by the time that a source may take', async () => {
    const timerCount = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timerCount();
    const compiled = aThread().compile(JSON.stringify(SMALL), wanted);
    expect(timerCount()).toBe(before);
    await compiled;
  });

  it('passes over what nobody wants any more', async () => {
    let isWanted = true;
    const first = thread.compile(JSON.stringify(largeSchema('a')), wanted);
    const second = thread.compile(JSON.stringify(largeSchema('b')), () => isWanted);
    isWanted = false;
    await expect(second).rejects.toThrow('no longer wanted');
    expect((await first).stateCount).toBeGreaterThan(30_000);
  });

  it('fails those who wait when it fails, and the next one gets a new thread', async () => {
    const broken = aThread(scripted(`if (input === 'crash') throw new Error('out of order');`));
    const crashed = broken.compile('crash', wanted);
    const behind = broken.compile('waits behind it', wanted);
    await expect(crashed).rejects.toThrow('out of order');
    await expect(behind).rejects.toThrow('out of order');
    expect(await broken.compile('next', wanted)).toBe('next');
  });
});

describe('the grammars of a model', () => {
  it('are compiled once for all that ask for one at the same time, and given at once afterwards', async () => {
    const thread = new HeldThread();
    const grammars = new ModelGrammars(trieOf(['a']), thread);
    const both = [grammars.compile(SMALL, wanted), grammars.compile({ ...SMALL }, wanted)];
    thread.release();
    const [first, second] = await Promise.all(both);
    expect(second).toBe(first);
    expect(grammars.compile({ ...SMALL }, wanted)).toBe(first);
    expect(thread.sources).toEqual([JSON.stringify(SMALL)]);
  });

  it('are compiled as long as one of those who asked still wants them', async () => {
    const thread = new HeldThread();
    const grammars = new ModelGrammars(trieOf(['a']), thread);
    const gone = grammars.compile(SMALL, () => false);
    const stays = grammars.compile(SMALL, wanted);
    thread.release();
    expect(await stays).toBe(await gone);
  });

  it('are asked for anew after a failure', async () => {
    const thread = new HeldThread();
    const grammars = new ModelGrammars(trieOf(['a']), thread);
    const unwanted = grammars.compile(SMALL, () => false);
    thread.release();
    await expect(unwanted).rejects.toThrow('unwanted');
    const next = grammars.compile(SMALL, wanted);
    thread.release();
    expect((await next).program.stateCount).toBeGreaterThan(0);
  });
});
