import type { IncomingMessage } from 'node:http';

/** Destroys a request whose body pauses for more than `idleMs`. The limit ends with the body: its receiver has limits of its own. */
export function destroyWhenIdle(request: IncomingMessage, idleMs: number): void {
  request.setTimeout(idleMs, () => request.destroy());
  request.once('end', () => request.setTimeout(0));
}
