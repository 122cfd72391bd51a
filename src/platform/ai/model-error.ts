/** The cause of a ModelError. */
export type ModelErrorCode =
  /** The connection failed or the request could not be sent. */
  | 'MODEL_UNREACHABLE'
  /** The first chunk or a further chunk exceeded its time limit. */
  | 'MODEL_STALLED'
  /** The answer exceeded its time limit. */
  | 'MODEL_TIMEOUT'
  /** The provider rejected the request: for example a wrong key or an unknown model. */
  | 'MODEL_REFUSED'
  /** The prompt exceeds the context window of the model. A shorter one can succeed. */
  | 'MODEL_CONTEXT_EXCEEDED'
  /** The provider accepts fewer tools. */
  | 'MODEL_TOO_MANY_TOOLS'
  /** The provider failed or is overloaded. */
  | 'MODEL_OVERLOADED'
  /** The answer is invalid, too large or incomplete. */
  | 'MODEL_NONSENSE';

export interface ModelErrorOptions {
  code: ModelErrorCode;
  /** Whether the same call can succeed later. */
  retryable: boolean;
  /** The delay before a retry that the provider requests, in seconds. */
  retryAfterSeconds?: number | undefined;
}

/**
 * A model call failed. The message is for users: it names the model and quotes the provider, without keys and addresses. Has no `cause`:
 * errors of the SDK contain the whole request and response, which are content of tenants.
 */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  /** Tokens that the provider charges for although the call failed. */
  spentTokens = 0;

  constructor(message: string, options: ModelErrorOptions) {
    super(message);
    this.name = new.target.name;
    this.code = options.code;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export interface ModelCallOptions {
  /** The name of the model in error messages. */
  model: string;
  /** Removed from error messages. */
  apiKey: string | undefined;
  /** Awaited before each attempt, outside its time limit. An error that it throws ends the call. */
  admit?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** The time limit of one attempt. Without it, the attempt enforces its own. */
  timeoutMs?: number | undefined;
  maxRetries: number;
  /** Called before the pause of each retry. An error that it throws ends the call. */
  onRetry?: (() => void) | undefined;
  /** The pause before the first retry. It doubles with each further retry. */
  backoffMs?: number | undefined;
  Failure: new (message: string, options: ModelErrorOptions) => ModelError;
}
