import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { bearerOf } from './request-info.ts';

/** Compares in constant time. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Responds to `/metrics` of a server or a worker. Requires the token. Without one, production has no such page. */
export async function handleMetrics(
  registry: Registry,
  { METRICS_TOKEN: token, NODE_ENV }: { METRICS_TOKEN: string | undefined; NODE_ENV: string },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!token && NODE_ENV === 'production') {
    response.writeHead(403, { 'content-type': 'application/json; charset=utf-8' });
    response.end(
      JSON.stringify({ error: 'The metrics are closed: METRICS_TOKEN is not set. Set it and send it as a Bearer token.' }),
    );
    return;
  }
  if (token && !isSame(bearerOf(request.headers.authorization) ?? '', token)) {
    response.writeHead(401, { 'content-type': 'application/json; charset=utf-8', 'www-authenticate': 'Bearer' });
    response.end(JSON.stringify({ error: 'Send METRICS_TOKEN as a Bearer token.' }));
    return;
  }
  response.writeHead(200, { 'content-type': registry.contentType });
  response.end(await registry.metrics());
}
