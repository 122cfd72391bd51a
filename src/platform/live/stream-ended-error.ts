/** Why a live view was ended from here. */
export type StreamEndCode = 'UNAUTHENTICATED' | 'FORBIDDEN' | 'SLOW_CONSUMER' | 'SERVER_SHUTDOWN';

const REASONS: Record<StreamEndCode, string> = {
  UNAUTHENTICATED: 'The credential of this live view has expired or was revoked.',
  FORBIDDEN: 'You no longer have the right to this live view.',
  SLOW_CONSUMER: 'This live view was cut off because its events were not read.',
  SERVER_SHUTDOWN: 'The server is shutting down.',
};

/** The end of a live view that its reader did not ask for. Nothing is lost: the message says where to go on. */
export class StreamEndedError extends Error {
  readonly code: StreamEndCode;
  /** Number of the last event that was delivered: what to pass as `after` when coming back. */
  readonly after: number;

  /** @param resume how to go on, a sentence for people */
  constructor(code: StreamEndCode, after: number, resume: string) {
    super(`${REASONS[code]} ${resume}`);
    this.name = 'StreamEndedError';
    this.code = code;
    this.after = after;
  }
}
