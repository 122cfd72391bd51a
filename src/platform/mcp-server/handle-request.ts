import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';

function wantsProgress(message: unknown): boolean {
  const { params } = message as { params?: { _meta?: { progressToken?: unknown } } };
  return params?._meta?.progressToken !== undefined;
}

/** What the client accepts. */
export interface AcceptedFormats {
  json: boolean;
  stream: boolean;
}

/**
 * One POST and its answer over Streamable HTTP, without a session. The answer is a stream where the client asked to be told of
 * progress and accepts one, else one JSON object, which every proxy and `curl` can take.
 */
export async function handleRequest(
  server: Server,
  request: Request,
  message: object,
  { json, stream }: AcceptedFormats,
): Promise<Response> {
  const enableJsonResponse = json && !(stream && wantsProgress(message));
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse });
  await server.connect(transport);
  return transport.handleRequest(request, { parsedBody: message });
}
