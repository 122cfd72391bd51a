import type { McpEndpoint } from '../endpoint.ts';
import { McpCallError } from '../errors.ts';
import type { Authorizations } from '../oauth/authorizations.ts';
import { authorizedFetch } from '../oauth/authorized-fetch.ts';
import type { MonitoredTransport } from './monitored-transport.ts';
import { SseTransport } from './sse-transport.ts';
import { type StdioOptions, StdioTransport } from './stdio-transport.ts';
import { type HttpOptions, StreamableHttpTransport } from './streamable-http-transport.ts';

export interface TransportOptions extends HttpOptions, StdioOptions {
  authorizations: Authorizations;
}

/** Creates the transport. The connection opens when the transport starts. */
export function openTransport(target: McpEndpoint, options: TransportOptions): MonitoredTransport {
  if (target.transport === 'STDIO') return new StdioTransport(target, options);
  const url = URL.parse(target.url ?? '');
  if (!url) throw new McpCallError('UNREACHABLE', 'The address of the MCP server is not a valid URL.');
  const { headers = {} } = target;
  if (!areHeaders(headers)) throw new McpCallError('UNREACHABLE', 'The headers for the MCP server are not valid HTTP headers.');
  const authorization = options.authorizations.of(target, url);
  const http = authorization ? { ...options, fetch: authorizedFetch(options.fetch, authorization, url) } : options;
  return target.transport === 'SSE' ? new SseTransport(url, headers, http) : new StreamableHttpTransport(url, headers, http);
}

/** Validates headers first, because errors of Headers and fetch contain the value. */
function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  try {
    return Boolean(new Headers(headers));
  } catch {
    return false;
  }
}
