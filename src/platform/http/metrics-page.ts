import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { bearerOf } from './request-info.ts';

/** Compares in constant time. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Responds to `/metrics` of a server or a worker. Requires the token, if one is configured. */
export async function handleMetrics(
  registry: Registry,
  token: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (token && !isSame(bearerOf(request.headers.authorization) ?? '', token)) {
    response.writeHead(401, { 'content-type': 'application/json; charset=utf-8', 'www-authenticate': 'Bearer' });
    response.end(JSON.stringify({ error: 'Send METRICS_TOKEN as a Bearer token.' }));
    return;
  }
  response.writeHead(200, { 'content-type': registry.contentType });
  response.end(await registry.metrics());
}
