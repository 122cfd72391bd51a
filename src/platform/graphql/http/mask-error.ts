import { GraphQLError } from 'graphql';
import { DomainError, RateLimitedError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { StreamEndedError } from '../../live/stream-ended-error.ts';
import { toDomainError } from '../../postgres/errors.ts';
import { currentScope } from '../../postgres/request-scope.ts';

function relocate(error: GraphQLError | undefined, message: string, extensions: Record<string, unknown>): GraphQLError {
  return new GraphQLError(message, {
    nodes: error?.nodes,
    source: error?.source,
    positions: error?.positions,
    path: error?.path,
    extensions,
  });
}

/** The error that a client receives: domain errors in full, errors of GraphQL unchanged, and any other one masked and logged. */
export function createMaskError(log: Logger) {
  return (error: unknown): Error => {
    const located = error instanceof GraphQLError ? error : undefined;
    if (located && !located.originalError) return located;
    const original = toDomainError(located?.originalError ?? error);
    if (original instanceof GraphQLError) return relocate(located, original.message, original.extensions);
    if (original instanceof DomainError) {
      if (original.code === 'UNAVAILABLE')
        log.warn({ err: original.cause ?? original, requestId: currentScope().context.requestId }, original.message);
      return relocate(located, original.message, {
        code: original.code,
        ...(original.inputPath ? { at: original.inputPath } : {}),
        ...(original instanceof RateLimitedError ? { retryAfterSeconds: original.retryAfterSeconds } : {}),
      });
    }
    if (original instanceof StreamEndedError)
      return relocate(located, original.message, { code: original.code, after: original.after });
    const { requestId } = currentScope().context;
    log.error({ err: original, requestId, path: located?.path }, 'unexpected error');
    return relocate(located, 'Unexpected error.', { code: 'INTERNAL_SERVER_ERROR', requestId });
  };
}
