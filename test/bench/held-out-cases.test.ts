/** What counts as a right answer to a held-out question. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Answer, type Check, type HeldOutCase, judge, parseCases } from '../../bench/held-out-cases.ts';

function verdicts(check: Check, answer: Partial<Answer>) {
  const asked: HeldOutCase = { set: 'a set', messages: [{ role: 'user', content: 'a question' }], check };
  return judge(asked, { text: '', calls: [], ...answer });
}

function isRight(check: Check, answer: Partial<Answer>): boolean {
  return verdicts(check, answer)[0]!.right;
}

describe('an answer', () => {
  it('is right when it is one of the accepted texts to the letter, space around it aside', () => {
    const check = { equals: ['Hello!', 'Hi!'] };
    expect(isRight(check, { text: ' Hi!\n' })).toBe(true);
    expect(isRight(check, { text: 'hi!' })).toBe(false);
    expect(isRight(check, { text: 'Hi! How are you?' })).toBe(false);
  });

  it('is judged without its reasoning', () => {
    expect(isRight({ equals: ['12.'] }, { text: '<think>\n7 + 5 = 11.\n</think>\n\n12.' })).toBe(true);
  });

  it('is wrong when it calls a tool where a text was wanted', () => {
    const calls = [{ name: 'get_time', arguments: {} }];
    expect(isRight({ equals: [''] }, { calls })).toBe(false);
  });

  it('is right when it makes the wanted calls with the wanted arguments, in any order of keys', () => {
    const calls = [{ name: 'add', arguments: { a: 1, b: 2 } }];
    expect(isRight({ calls }, { calls: [{ name: 'add', arguments: { b: 2, a: 1 } }] })).toBe(true);
    expect(isRight({ calls }, { calls: [{ name: 'add', arguments: { a: 1, b: '2' } }] })).toBe(false);
    expect(isRight({ calls }, { calls: [{ name: 'sum', arguments: { a: 1, b: 2 } }] })).toBe(false);
    expect(isRight({ calls }, { calls: [...calls, ...calls] })).toBe(false);
    expect(isRight({ calls }, {})).toBe(false);
  });

  it('that is a story introduces the hero under the name, uses the name three times, and goes on', () => {
    const check = { story: ['fox', 'Bo'] as const };
    expect(isRight(check, { text: 'There was a fox called Bo. Bo ran. Bo won.' })).toBe(true);
    expect(isRight(check, { text: 'There was a fox called Bo. Bo ran.' })).toBe(false);
    expect(isRight(check, { text: 'There was a cat called Bo. Bo ran. Bo won.' })).toBe(false);
    expect(isRight(check, { text: `There was a fox called Bo. Bo ran. ${'Bo hid. '.repeat(2)}` })).toBe(true);
    expect(isRight(check, { text: `There was a fox called Bo. Bo ran. ${'Bo hid. '.repeat(3)}` })).toBe(
      false,
    );
  });

  it('in JSON counts twice: for its keys and types, and for its values', () => {
    const check = { json: { name: 'Ada', age: 31 } };
    const rightOf = (text: string) => verdicts(check, { text }).map(({ right }) => right);
    expect(rightOf('{"age": 31, "name": "Ada"}')).toEqual([true, true]);
    expect(rightOf('{"name": "Eva", "age": 30}')).toEqual([true, false]);
    expect(rightOf('{"name": "Ada", "age": "31"}')).toEqual([false, false]);
    expect(rightOf('{"name": "Ada"}')).toEqual([false, false]);
    expect(rightOf('{"name": "Ada", "age": 31, "city": "Rome"}')).toEqual([false, false]);
    expect(rightOf('["Ada", 31]')).toEqual([false, false]);
    expect(rightOf('Ada is 31.')).toEqual([false, false]);
  });
});

describe('the held-out cases that ship', () => {
  const file = new URL('../../models/octavo-mini/held-out.jsonl', import.meta.url);
  const cases = parseCases(readFileSync(file, 'utf8'));

  it('are many, of many sets, each with exactly one check', () => {
    expect(cases.length).toBeGreaterThan(1000);
    expect(new Set(cases.map(({ set }) => set)).size).toBeGreaterThan(20);
    expect(cases.filter(({ check }) => Object.keys(check).length !== 1)).toEqual([]);
    expect(cases.filter(({ messages }) => messages.at(-1)!.role === 'assistant')).toEqual([]);
  });

  it('are passed by the answers that they want', () => {
    const wrong = cases.filter((asked) => {
      const { equals, story, calls, json } = asked.check;
      const told = story && `a ${story[0]} called ${story[1]}: ${story[1]} is ${story[1]}`;
      const text = equals?.[0] ?? told ?? (json ? JSON.stringify(json) : '');
      return judge(asked, { text, calls: calls ?? [] }).some(({ right }) => !right);
    });
    expect(wrong).toEqual([]);
  });
});
