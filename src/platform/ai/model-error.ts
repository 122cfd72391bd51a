/** What went wrong, for programs. */
export type ModelErrorCode =
  /** No connection, or a call that cannot be sent. */
  | 'MODEL_UNREACHABLE'
  /** Began to answer too late, or fell silent in the middle. */
  | 'MODEL_STALLED'
  /** Did not finish in time. */
  | 'MODEL_TIMEOUT'
  /** The provider did not want the call as it was: a wrong key, an unknown model, too long a prompt. */
  | 'MODEL_REFUSED'
  /** The provider is out of order, or has too much to do. */
  | 'MODEL_OVERLOADED'
  /** The answer cannot be read, is larger than any should be, or broke off. */
  | 'MODEL_NONSENSE';

export interface ModelErrorOptions {
  code: ModelErrorCode;
  /** Whether the same call can succeed later. */
  retryable: boolean;
  /** When the provider wants to be asked again, in seconds from now. */
  retryAfterSeconds?: number | undefined;
}

/**
 * A model did not do what it was asked. The message is written for people: it names the model and what the provider said, and has
 * no key and no address in it. It carries no `cause`: those of the SDK hold the whole request and answer, which are tenants' texts.
 */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: ModelErrorOptions) {
    super(message);
    this.name = new.target.name;
    this.code = options.code;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export interface ModelCallOptions {
  /** The model as messages name it. */
  model: string;
  /** Never to be seen in a message. */
  apiKey: string | undefined;
  /** Waited for before each attempt, outside of its time. What it throws ends the call. */
  admit?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Of one attempt. It bounds itself when absent. */
  timeoutMs?: number | undefined;
  maxRetries: number;
  /** Told of each retry, before the pause. What it throws ends the call. */
  onRetry?: (() => void) | undefined;
  /** The first pause before a retry, doubled for each that follows. */
  backoffMs?: number | undefined;
  Failure: new (message: string, options: ModelErrorOptions) => ModelError;
}
