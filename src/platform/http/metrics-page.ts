import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { bearerOf } from './request-info.ts';

/** Takes the same time however much of the two is equal. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** Answers `/metrics`, of a server or a worker: to whoever knows the token, where there is one. */
export async function handleMetrics(
  registry: Registry,
  token: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (token && !isSame(bearerOf(request.headers.authorization) ?? '', token)) {
    response.writeHead(401, { 'content-type': 'application/json; charset=utf-8', 'www-authenticate': 'Bearer' });
    response.end(JSON.stringify({ error: 'METRICS_TOKEN is asked for.' }));
    return;
  }
  response.writeHead(200, { 'content-type': registry.contentType });
  response.end(await registry.metrics());
}
