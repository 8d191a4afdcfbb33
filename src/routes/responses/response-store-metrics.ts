/** Prometheus series of the store of responses, under names of this server's own: vLLM has none for its store. */

import { Counter, Gauge, type Registry } from 'prom-client';
import type { ResponseStore } from './response-store.ts';

export type MeasuredStore = Pick<ResponseStore, 'bytes' | 'bytesMax' | 'size' | 'evictedCount'>;

type SeriesText = { readonly name: string; readonly help: string };

function text(name: string, help: string): SeriesText {
  return { name: `octavo:response_store_${name}`, help };
}

/** Read from the store when they are asked for. Of all owners together: who asks for metrics has no key. */
export function registerResponseStore(registry: Registry, store: MeasuredStore): void {
  const registers = [registry];
  const gauge = (described: SeriesText, value: () => number) =>
    new Gauge({
      ...described,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge(text('bytes', 'Bytes that stored responses are counted as.'), () => store.bytes);
  gauge(text('limit_bytes', 'Bytes that they may be. 0 means that none are stored.'), () => store.bytesMax);
  gauge(text('responses', 'Number of stored responses.'), () => store.size);
  new Counter({
    ...text('evictions_total', 'Number of stored responses that left to make room.'),
    registers,
    collect() {
      this.reset();
      this.inc(store.evictedCount);
    },
  });
}
