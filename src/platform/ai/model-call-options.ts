import type { ModelError, ModelErrorOptions } from './model-error.ts';

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
