export type McpErrorCode =
  /** The connection failed to open, or it broke. */
  | 'UNREACHABLE'
  | 'TIMEOUT'
  /** The queue is full, or every connection of the pool is in use. Retry later. */
  | 'BUSY'
  /** The server sent something that is not MCP, or rejected the request. */
  | 'PROTOCOL'
  | 'TOOL_UNKNOWN'
  | 'TOO_LARGE'
  /** The server exited or lost the session during the request. The next call reconnects. */
  | 'CRASHED'
  /** The caller aborted, or this process shuts down. */
  | 'ABORTED'
  /** The address is not allowed, or the server rejects the credentials. */
  | 'REFUSED';

/**
 * A failed call to an MCP server. The message is for users and contains no header, environment value or address.
 * It has no `cause`, because errors of the SDK and of fetch contain whole requests and responses.
 */
export class McpCallError extends Error {
  readonly code: McpErrorCode;
  /** False if the server cannot have executed the request, so a retry executes it at most once. */
  readonly mayHaveRun: boolean;
  /** The server rejected the request because it does not know the session. */
  readonly sessionLost: boolean;

  constructor(code: McpErrorCode, message: string, { mayHaveRun = false, sessionLost = false } = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.mayHaveRun = mayHaveRun;
    this.sessionLost = sessionLost;
  }

  /** Returns the same error for a call that was already sent. */
  afterSending(): McpCallError {
    return new McpCallError(this.code, this.message, { mayHaveRun: true });
  }
}
