/** Another worker holds the lease of the run, or the run has ended. This worker must not write to it any more. */
export class LeaseLostError extends Error {}

/** Cancellation of the run was requested. */
export class RunCancelledError extends Error {}

/** A permanent failure of a run, which is not retried. */
export class RunFailure extends Error {
  /** Machine-readable, such as `TIMEOUT`. */
  readonly code: string;

  /** @param message human-readable */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function conversationEnded(): RunFailure {
  return new RunFailure('CONVERSATION_ENDED', 'The conversation ended during the run.');
}
