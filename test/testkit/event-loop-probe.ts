/**
 * Measures the event loop of a server process: `node --import test/testkit/event-loop-probe.ts src/main.ts`, started with an IPC channel. The
 * message `start` resets, `stop` is answered with an `EventLoopReport`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopReport {
  /**
   * The longest time in which the main thread worked without a turn for a timer, in milliseconds of CPU: a delay without the part that other
   * processes of the machine cause.
   */
  longestMs: number;
  /** The longest delay of a timer, in milliseconds. */
  longestDelayMs: number;
  /** CPU time of the main thread, in milliseconds. */
  cpuMs: number;
  rssBytes: number;
}

const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

let start = cpuMs();
let last = start;
let longestMs = 0;

function sample(): void {
  const now = cpuMs();
  longestMs = Math.max(longestMs, now - last);
  last = now;
}

setInterval(sample, RESOLUTION_MS).unref();

process.on('message', (message) => {
  if (message === 'start') {
    delays.reset();
    start = cpuMs();
    last = start;
    longestMs = 0;
    process.send?.('started');
  }
  if (message === 'stop') {
    // Both record a delay when their next timer runs.
    setTimeout(() => {
      sample();
      const report: EventLoopReport = {
        longestMs,
        longestDelayMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS),
        cpuMs: last - start,
        rssBytes: process.memoryUsage.rss(),
      };
      process.send?.(report);
    }, 5);
  }
});
// The channel alone must not keep the process running.
process.channel?.unref();
