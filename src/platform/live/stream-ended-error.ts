/** Why the server ended a subscription. */
export type StreamEndCode = 'UNAUTHENTICATED' | 'FORBIDDEN' | 'SLOW_CONSUMER' | 'SERVER_SHUTDOWN';

const REASONS: Record<StreamEndCode, string> = {
  UNAUTHENTICATED: 'The credential of this subscription has expired or was revoked.',
  FORBIDDEN: 'You no longer have the permission for this subscription.',
  SLOW_CONSUMER: 'The server ended this subscription because the client did not read its events.',
  SERVER_SHUTDOWN: 'The server is shutting down.',
};

/** The server ended a subscription. The message describes how to resume without loss. */
export class StreamEndedError extends Error {
  readonly code: StreamEndCode;
  /** Sequence number of the last delivered event: the `after` of the next subscription. */
  readonly after: number;

  /** @param resume a sentence on how to resume */
  constructor(code: StreamEndCode, after: number, resume: string) {
    super(`${REASONS[code]} ${resume}`);
    this.name = 'StreamEndedError';
    this.code = code;
    this.after = after;
  }
}
