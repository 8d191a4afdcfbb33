/** How long GET /health takes, over and over: it needs nothing but the server's event loop, so it tells who blocks it. */

import { setTimeout as delay } from 'node:timers/promises';
import { exchange, type Target } from './http-exchange.ts';

/** Between one answer and the next request. */
const PAUSE_MS = 2;

/** Round trips in milliseconds until `isOver` says so. @throws Error when one fails */
export async function healthTimes(target: Target, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  while (!isOver()) {
    const { sentAtMs, arrivals, failure, status } = await exchange(target, '/health');
    if (failure !== null || status !== 200) throw new Error(`GET /health: ${failure ?? `HTTP ${status}`}`);
    times.push((arrivals[0]?.atMs ?? performance.now()) - sentAtMs);
    await delay(PAUSE_MS);
  }
  return times;
}
