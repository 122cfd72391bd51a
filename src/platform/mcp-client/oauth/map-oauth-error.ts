import {
  OAuthError,
  ServerError,
  TemporarilyUnavailableError,
  TooManyRequestsError,
} from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { McpCallError } from '../errors.ts';

/** What an error of the SDK means on the way to a token. Its text has whole answers in it, so none of it is repeated. */
export function toOAuthError(error: unknown): McpCallError {
  if (error instanceof McpCallError) return error;
  if (error instanceof TooManyRequestsError || error instanceof TemporarilyUnavailableError) {
    return new McpCallError('BUSY', 'The authorization server asks to be left alone for a while.');
  }
  if (error instanceof ServerError) return new McpCallError('UNREACHABLE', 'The authorization server gave no access token.');
  if (error instanceof OAuthError) {
    // The SDK knows a few codes, and knows each as a class of its own.
    return new McpCallError('REFUSED', `The authorization server gives us no access token (${error.errorCode}).`);
  }
  if (error instanceof Error && error.message.startsWith('Protected resource ')) {
    return new McpCallError('REFUSED', 'The MCP server asks for an access token for another server than itself.');
  }
  return new McpCallError('PROTOCOL', 'How to get an access token cannot be told from what the servers say.');
}
