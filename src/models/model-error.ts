export interface ModelErrorOptions {
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
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: ModelErrorOptions) {
    super(message);
    this.name = new.target.name;
    this.retryable = options.retryable;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
