/** Seeds one after the other, up to the first that fails. */

/** Names the seed and the command that shows it again. */
export class SeedFailure extends Error {
  override readonly name = 'SeedFailure';
  constructor(seed: number, flag: string, cause: Error) {
    const replay = `npm run simulate -- ${flag} --seeds 1 --from ${seed}`;
    super(`seed ${seed}: ${cause.message}\nreplay: ${replay}`, { cause });
  }
}

export type SeedRange = { readonly from: number; readonly count: number };

/** @param flag which kind of simulation the command runs. @throws SeedFailure of the first seed that fails. */
export async function eachSeed(
  flag: string,
  { from, count }: SeedRange,
  run: (seed: number) => Promise<void>,
): Promise<void> {
  for (let seed = from; seed < from + count; seed++) {
    try {
      await run(seed);
    } catch (error) {
      throw new SeedFailure(seed, flag, error as Error);
    }
  }
}
