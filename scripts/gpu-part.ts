/** The process of one part of `gpu-check`: see `gpu-parts.ts`. Its parent gets what it finds as messages. */

import { assertNever } from '../src/base/assert.ts';
import { checkLogits, checkPacked } from './gpu-correctness.ts';
import type { Finding, PartCall } from './gpu-parts.ts';
import { checkAnswers, checkServing } from './gpu-server.ts';
import { makeModel, measureOperators, measureSpeed } from './gpu-speed.ts';

const { part, device, workDirectory } = JSON.parse(process.argv[2]!) as PartCall;
const tell = (finding: Finding): void => {
  process.send!(finding);
};

process.stderr.write(`${device}: ${Object.values(part).join(' ')}\n`);
// Ends a server of this part with it.
process.once('SIGTERM', () => process.exit(1));
await run();
// Native threads may outlive what was asked of them; what was told is on its way until the line is closed.
process.once('disconnect', () => process.exit(0));
process.disconnect!();

async function run(): Promise<void> {
  switch (part.kind) {
    case 'logits':
      tell({ kind: 'row', ...(await checkLogits({ device, cacheDirectory: workDirectory }, part)) });
      return;
    case 'packed':
      tell({ kind: 'row', ...(await checkPacked({ device, cacheDirectory: workDirectory })) });
      return;
    case 'answers':
      tell({ kind: 'row', ...(await checkAnswers(device, workDirectory)) });
      return;
    case 'serving': {
      const model = makeModel({ size: part.size, workDirectory });
      tell({ kind: 'row', ...(await checkServing(device, model, workDirectory)) });
      return;
    }
    case 'speed':
      await measureSpeed({ ...part, device, workDirectory }, tell);
      return;
    case 'operators':
      await measureOperators({ ...part, device, workDirectory }, tell);
      return;
    default:
      assertNever(part);
  }
}
