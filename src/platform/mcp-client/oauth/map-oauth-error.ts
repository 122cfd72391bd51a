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
    return new McpCallError('BUSY', 'The authorization server asks to be left alone for a while.');
  }
  if (error instanceof ServerError) return new McpCallError('UNREACHABLE', 'The authorization server gave no access token.');
  if (error instanceof OAuthError) {
    // The SDK defines a separate class for each of a few known codes.
    return new McpCallError('REFUSED', `The authorization server gives us no access token (${error.errorCode}).`);
  }
  if (error instanceof Error && error.message.startsWith('Protected resource ')) {
    return new McpCallError('REFUSED', 'The MCP server asks for an access token for another server than itself.');
  }
  return new McpCallError('PROTOCOL', 'How to get an access token cannot be told from what the servers say.');
}
