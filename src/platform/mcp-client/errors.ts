export type McpErrorCode =
  /** No connection came about, or it broke. */
  | 'UNREACHABLE'
  | 'TIMEOUT'
  /** Too many calls wait, or every connection of the pool is in use. Worth trying again. */
  | 'BUSY'
  /** The server said something that is not MCP, or refused what it was asked. */
  | 'PROTOCOL'
  | 'TOOL_UNKNOWN'
  | 'TOO_LARGE'
  /** The server ended, or lost the session, while it was asked. The next call connects again. */
  | 'CRASHED'
  /** The caller gave up, or this process ends. */
  | 'ABORTED'
  /** An address that must not be connected to, or credentials the server does not take. */
  | 'REFUSED';

/**
 * A call to an MCP server came to nothing. The message is written for people and has no header, environment value or address in it.
 * It carries no `cause`: those of the SDK and of fetch hold whole requests and answers.
 */
export class McpCallError extends Error {
  readonly code: McpErrorCode;
  /** False when the server cannot have done what was asked: asking again then does nothing twice. */
  readonly mayHaveRun: boolean;

  constructor(code: McpErrorCode, message: string, { mayHaveRun = false } = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.mayHaveRun = mayHaveRun;
  }

  /** The same for a call that had been sent when it happened. */
  afterSending(): McpCallError {
    return new McpCallError(this.code, this.message, { mayHaveRun: true });
  }
}
