import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';

function wantsProgress(message: unknown): boolean {
  const { params } = message as { params?: { _meta?: { progressToken?: unknown } } };
  return params?._meta?.progressToken !== undefined;
}

/**
 * Handles one POST of Streamable HTTP without a session. The response is an event stream if the request has a progress token. Otherwise it
 * is one JSON object, which works behind proxies that buffer responses.
 */
export async function handleRequest(server: Server, request: Request, message: object): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !wantsProgress(message) });
  await server.connect(transport);
  return transport.handleRequest(request, { parsedBody: message });
}
