import { StreamableHTTPError } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { redact } from './endpoint.ts';
import { McpCallError } from './errors.ts';

/** With these errors, no byte of the request was sent. */
const NOT_CONNECTED: Record<string, string> = {
  ECONNREFUSED: 'refuses connections',
  ENOTFOUND: 'has a host name that does not exist',
  EAI_AGAIN: 'has a host name that cannot be resolved at the moment',
  EHOSTUNREACH: 'is unreachable',
  ENETUNREACH: 'is unreachable',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept the connection in time',
};

/** The server rejects a request with these codes before it executes anything. */
const NOT_EXECUTED = new Set<number>([
  ErrorCode.ParseError,
  ErrorCode.InvalidRequest,
  ErrorCode.MethodNotFound,
  ErrorCode.InvalidParams,
]);

const MAX_TEXT_LENGTH = 500;

/** Formats server text for a message: one line, bounded length, secrets redacted. */
export function quote(text: string, secrets: readonly string[]): string {
  const line = redact(text.slice(0, 10 * MAX_TEXT_LENGTH), secrets)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > MAX_TEXT_LENGTH ? `${line.slice(0, MAX_TEXT_LENGTH)}…` : line;
}

/** Maps the error of a rejected `fetch`. */
export function toFetchError(error: unknown, who = 'MCP server'): McpCallError {
  const chain = causes(error);
  // Matches by name, because the caller may pass any fetch.
  const forbidden = chain.find(({ name }) => name === 'AddressNotAllowedError');
  if (forbidden) return new McpCallError('REFUSED', forbidden.message);
  const known = chain.find((cause): cause is McpCallError => cause instanceof McpCallError);
  if (known) return known;
  const code = chain.map((cause) => ('code' in cause ? String(cause.code) : '')).find((text) => /^[A-Z][A-Z0-9_]+$/.test(text));
  const reason = code && NOT_CONNECTED[code];
  if (reason) return new McpCallError('UNREACHABLE', `The ${who} ${reason}.`);
  return new McpCallError('UNREACHABLE', `The connection to the ${who} failed${code ? ` (${code})` : ''}.`, {
    mayHaveRun: true,
  });
}

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 10; at = at.cause) {
    chain.push(at, ...(at instanceof AggregateError ? at.errors.filter((inner) => inner instanceof Error) : []));
  }
  return chain;
}

/** Maps a status that is neither a success nor a redirect. */
export function toStatusError(status: number, inSession: boolean): McpCallError {
  if (status === 401 || status === 403) {
    return new McpCallError('REFUSED', `The MCP server rejects the credentials (HTTP ${status}).`);
  }
  if (status === 404 && inSession) return new McpCallError('CRASHED', 'The MCP server lost the session. Retry the call.');
  if (status === 429) return new McpCallError('BUSY', 'The MCP server limits the rate of calls (HTTP 429). Retry later.');
  return new McpCallError('UNREACHABLE', `The MCP server responded with HTTP ${status}.`, { mayHaveRun: status >= 500 });
}

/** Maps an SDK error from a sent request. */
export function toCallError(error: unknown, secrets: readonly string[]): McpCallError {
  if (error instanceof McpCallError) return error;
  if (error instanceof McpError) {
    // The transport sets this, see `failedAnswer`. Data from the wire is never an instance.
    if (error.data instanceof McpCallError) return error.data;
    const text = quote(serverMessage(error), secrets);
    return new McpCallError('PROTOCOL', `The MCP server returned an error: ${text}`, {
      mayHaveRun: !NOT_EXECUTED.has(error.code),
    });
  }
  if (error instanceof StreamableHTTPError && error.code !== undefined && error.code >= 300 && error.code < 400) {
    return new McpCallError('REFUSED', 'The MCP server redirects to another address. Redirects are not followed.');
  }
  return new McpCallError('PROTOCOL', 'The response of the MCP server is not a valid MCP message.', { mayHaveRun: true });
}

/** Strips the SDK's prefix from the server's message. */
function serverMessage({ message }: McpError): string {
  return message.replace(/^MCP error -?\d+: /, '');
}

/** Returns true if an error or an error result's text reports an unknown tool. The protocol has no code for this. */
export function reportsUnknownTool(error: unknown, name: string): boolean {
  const text = error instanceof McpError ? error.message : error;
  if (typeof text !== 'string' || text.length > name.length + 100) return false;
  const plain = (words: string) => words.replaceAll(/["'`]/g, '').toLowerCase();
  const report = plain(text).replace(/^mcp error -?\d+: /, '');
  return [`Tool ${name} not found`, `Tool not found: ${name}`, `Unknown tool: ${name}`, `Unknown tool ${name}`].some((phrase) =>
    report.startsWith(plain(phrase)),
  );
}

export function toolUnknown(name: string): McpCallError {
  return new McpCallError('TOOL_UNKNOWN', `The MCP server has no tool "${quote(name, [])}".`);
}
