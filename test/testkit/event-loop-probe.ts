/**
 * Measures the event loop of a server process: `node --import test/testkit/event-loop-probe.ts src/main.ts`, started with an IPC channel. The
 * message `start` resets, `stop` is answered with an `EventLoopReport`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopReport {
  /** The longest time in which the event loop did nothing else, in milliseconds. */
  longestMs: number;
  /** CPU time of the main thread, in milliseconds. */
  cpuMs: number;
  rssBytes: number;
}

const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
let before = process.threadCpuUsage();

process.on('message', (message) => {
  if (message === 'start') {
    delays.reset();
    before = process.threadCpuUsage();
    process.send?.('started');
  }
  if (message === 'stop') {
    // The histogram records a delay when the next timer runs.
    setTimeout(() => {
      const { user, system } = process.threadCpuUsage(before);
      const report: EventLoopReport = {
        longestMs: Math.max(0, delays.max / 1e6 - RESOLUTION_MS),
        cpuMs: (user + system) / 1000,
        rssBytes: process.memoryUsage.rss(),
      };
      process.send?.(report);
    }, 5);
  }
});
// The channel alone must not keep the process running.
process.channel?.unref();
