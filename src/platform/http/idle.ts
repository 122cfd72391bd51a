import type { IncomingMessage } from 'node:http';

/** Closes a request whose body pauses for too long. Once the body is complete, its receiver may take its time: it has its own limits. */
export function destroyWhenIdle(request: IncomingMessage, idleMs: number): void {
  request.setTimeout(idleMs, () => request.destroy());
  request.once('end', () => request.setTimeout(0));
}
