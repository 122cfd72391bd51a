/** Somebody else has the run by now, or it has ended: what this worker knows of it is worth nothing any more. */
export class LeaseLostError extends Error {}

/** Somebody asked to stop the run. */
export class RunCancelledError extends Error {}

/** A run cannot go on, and trying again would change nothing. */
export class RunFailure extends Error {
  /** For programs, such as `TIMEOUT`. */
  readonly code: string;

  /** @param message for people */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function conversationEnded(): RunFailure {
  return new RunFailure('CONVERSATION_ENDED', 'The conversation was ended while the agent was at work.');
}
