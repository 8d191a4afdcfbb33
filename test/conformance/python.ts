/** A virtual environment of its own for each judge in Python. */

import path from 'node:path';
import type { Judge, Places } from './judge.ts';

/** @returns the program of the judge's environment. */
export function venvProgram({ work }: Places, program: string): string {
  return path.join(work, 'venv/bin', program);
}

/** `requirements.txt` names every package that is needed, so nothing is resolved at installation. */
export const pythonPackages: Pick<Judge, 'toolChain' | 'prepare'> = {
  toolChain: ['python3'],
  prepare: {
    manifests: ['requirements.txt'],
    commands: (places) => [
      ['python3', '-m', 'venv', '--clear', path.join(places.work, 'venv')],
      [venvProgram(places, 'pip'), 'install', '--quiet', '--no-deps', '-r', 'requirements.txt'],
    ],
  },
};
