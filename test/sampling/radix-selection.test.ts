import { describe, expect, it } from 'vitest';
import { RadixSelection } from '../../src/sampling/radix-selection.ts';
import { aRow, Dice } from './random-rows.ts';

function inOrder(logits: Float32Array): number[] {
  return Array.from(logits.keys()).sort((a, b) =>
    logits[a] === logits[b] ? a - b : logits[b]! > logits[a]! ? 1 : -1,
  );
}

function open(logits: Float32Array<ArrayBuffer>) {
  const selection = new RadixSelection(logits);
  const total = selection.weigh(
    logits.reduce((a, b) => Math.max(a, b)),
    1,
  );
  return { selection, total };
}

describe('RadixSelection', () => {
  it('finds every rank of rows with ties, zeros of both signs and -Infinity', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const dice = new Dice(seed);
      const logits = Float32Array.from(aRow(dice, 60));
      for (let i = 0; i < 6; i++) logits[dice.integer(0, 59)] = dice.pick([0, -0, 1e-40, -1e-40, 7]);
      const { selection } = open(logits);
      const found = inOrder(logits).map((_, index) => selection.selectRank(index + 1).tokenId);
      expect(found, `seed ${seed}`).toEqual(inOrder(logits));
    }
  });

  it('tells the mass of all tokens up to the one it finds', () => {
    const { selection } = open(Float32Array.of(0, Math.log(2), Math.log(4), 0));
    const masses = [1, 2, 3, 4].map((rank) => selection.selectRank(rank).massThrough);
    [1, 1.5, 1.75, 2].forEach((mass, i) => {
      expect(masses[i]).toBeCloseTo(mass, 6);
    });
  });

  it('finds the token in which a mass falls', () => {
    const { selection } = open(Float32Array.of(0, 0, 0, 0));
    expect(selection.selectMassReaching(2).tokenId).toBe(1);
    expect(selection.selectMassAbove(2).tokenId).toBe(2);
    expect(selection.selectMassAbove(0).tokenId).toBe(0);
  });

  it('ends at the last token with any mass when the target is beyond all of it', () => {
    const { selection, total } = open(Float32Array.of(-Infinity, 1, 2, -Infinity, -1e9));
    expect(selection.selectMassAbove(total * 1.001).tokenId).toBe(1);
    expect(selection.selectMassReaching(total * 1.001).tokenId).toBe(1);
  });
});
