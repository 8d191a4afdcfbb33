/** How busy the machine is with other work: looked at while nothing of ours runs, between one run and the next. */

import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

export type CpuTimes = { readonly busyMs: number; readonly totalMs: number };

const LOOK_MS = 300;
/** Two cores with a twentieth of them in use are as idle as a machine with a shell on it. */
const IDLE_SHARE = 0.05;

export function cpuTimes(): CpuTimes {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.irq + times.idle;
    totalMs += all;
    busyMs += all - times.idle;
  }
  return { busyMs, totalMs };
}

/** Share of all cores, 0 to 1, that was in use from one look to the next; 0 when no time has passed. */
export function busyShare(before: CpuTimes, after: CpuTimes): number {
  const totalMs = after.totalMs - before.totalMs;
  return totalMs <= 0 ? 0 : (after.busyMs - before.busyMs) / totalMs;
}

/** Waits until the machine is idle, at most about so long. @returns the share that was busy at the last look */
export async function waitForIdle(waitMsMax: number): Promise<number> {
  const endMs = performance.now() + waitMsMax;
  for (;;) {
    const before = cpuTimes();
    await delay(LOOK_MS);
    const busy = busyShare(before, cpuTimes());
    if (busy <= IDLE_SHARE || performance.now() >= endMs) return busy;
  }
}
