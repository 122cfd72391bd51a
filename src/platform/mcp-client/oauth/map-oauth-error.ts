import {
  OAuthError,
  ServerError,
  TemporarilyUnavailableError,
  TooManyRequestsError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { McpCallError } from '../errors.ts';

/** Maps an SDK error from token acquisition. The SDK's text contains whole responses, so the result omits it. */
export function toOAuthError(error: unknown): McpCallError {
  if (error instanceof McpCallError) return error;
  if (error instanceof TooManyRequestsError || error instanceof TemporarilyUnavailableError) {
    return new McpCallError('BUSY', 'The authorization server is busy or limits requests. Retry later.');
  }
  if (error instanceof ServerError)
    return new McpCallError('UNREACHABLE', 'The authorization server failed to issue an access token.');
  if (error instanceof OAuthError) {
    // The SDK defines a separate class for each of a few known codes.
    return new McpCallError('REFUSED', `The authorization server rejects the token request (${error.errorCode}).`);
  }
  if (error instanceof Error && error.message.startsWith('Protected resource ')) {
    return new McpCallError('REFUSED', 'The OAuth metadata of the MCP server names a different resource than the server.');
  }
  return new McpCallError('PROTOCOL', 'The OAuth metadata of the MCP server or the authorization server is missing or invalid.');
}
