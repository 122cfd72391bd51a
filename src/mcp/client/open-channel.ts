import type { Channel } from './channel.ts';
import { McpCallError } from './errors.ts';
import type { Authorizations } from './oauth/authorizations.ts';
import { authorizedFetch } from './oauth/authorized-fetch.ts';
import { SseChannel } from './sse-channel.ts';
import { StdioChannel, type StdioOptions } from './stdio-channel.ts';
import { type HttpOptions, StreamableChannel } from './streamable-channel.ts';
import type { McpTarget } from './target.ts';

export interface ChannelOptions extends HttpOptions, StdioOptions {
  authorizations: Authorizations;
}

/** Opens nothing yet: its transport does when it is started. */
export function openChannel(target: McpTarget, options: ChannelOptions): Channel {
  if (target.transport === 'STDIO') return new StdioChannel(target, options);
  const url = URL.parse(target.url ?? '');
  if (!url) throw new McpCallError('UNREACHABLE', 'The address of the MCP server is not a URL.');
  const { headers = {} } = target;
  if (!areHeaders(headers)) throw new McpCallError('UNREACHABLE', 'The headers for the MCP server cannot be sent.');
  const authorization = options.authorizations.of(target, url);
  const http = authorization ? { ...options, fetch: authorizedFetch(options.fetch, authorization, url) } : options;
  return target.transport === 'SSE' ? new SseChannel(url, headers, http) : new StreamableChannel(url, headers, http);
}

/** The error of Headers, and of fetch, has the value in it. */
function areHeaders(headers: Readonly<Record<string, string>>): boolean {
  try {
    return Boolean(new Headers(headers));
  } catch {
    return false;
  }
}
