/**
 * The last step of making a file that others may have in use: giving it its name. Windows, unlike the rest, refuses that
 * while somebody has a file of that name mapped into memory, as another server has whose weights they are, and while somebody
 * looks at the new one, as scanners for viruses do for a moment.
 */

export type Placing = {
  /** Renames the new file. */
  readonly move: () => Promise<void>;
  /** Whether a file like it has the name. */
  readonly isThere: () => Promise<boolean>;
  readonly pause: (ms: number) => Promise<void>;
};

/** How Windows says that somebody has one of the two. */
const HELD: readonly (string | undefined)[] = ['EPERM', 'EACCES', 'EBUSY'];
/** Together 6 s. */
const PAUSES_MS = [100, 200, 400, 800, 1500, 3000] as const;

/** Resolves when a file like the new one has the name. @throws what `move` throws in the end */
export async function putInPlace({ move, isThere, pause }: Placing): Promise<void> {
  for (const pauseMs of [...PAUSES_MS, null]) {
    try {
      return await move();
    } catch (error) {
      if (!HELD.includes((error as NodeJS.ErrnoException).code)) throw error;
      if (await isThere()) return;
      if (pauseMs === null) throw error;
      await pause(pauseMs);
    }
  }
}
