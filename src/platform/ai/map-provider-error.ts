import {
  APICallError,
  InvalidResponseDataError,
  JSONParseError,
  NoOutputGeneratedError,
  StreamProviderError,
  TypeValidationError,
} from 'ai';
import type { ModelCallOptions } from './model-error.ts';
import { ModelError } from './model-error.ts';
import { AnswerTooLargeError } from './provider-fetch.ts';

const MAX_QUOTE = 300;

/** Converts an error of the SDK to a ModelError. Rethrows any other error. */
export function toModelError(options: ModelCallOptions, error: unknown): ModelError {
  const { model, Failure } = options;
  if (error instanceof ModelError) return error;
  const invalidAnswer = (what: string, retryable: boolean) =>
    new Failure(`${model} ${what}.`, { code: 'MODEL_NONSENSE', retryable });
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AnswerTooLargeError) return invalidAnswer('sent an answer that is too large', false);
  }
  if (NoOutputGeneratedError.isInstance(error) || connectionLost(error)) return invalidAnswer('broke off its answer', true);
  if (InvalidResponseDataError.isInstance(error)) return invalidAnswer(`sent too much or too little: ${error.message}`, false);
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) {
    return invalidAnswer('sent an answer that cannot be read', false);
  }
  if (StreamProviderError.isInstance(error)) return failed(options, error, error.statusCode ?? statusOf(error.type));
  if (!APICallError.isInstance(error)) throw error;
  const { statusCode, isRetryable } = error;
  if (statusCode === undefined) {
    return new Failure(`${model} cannot be reached.`, { code: 'MODEL_UNREACHABLE', retryable: true });
  }
  if (statusCode >= 300) return failed(options, error, statusCode);
  // The SDK marks the error as retryable if the connection broke.
  return isRetryable ? invalidAnswer('broke off its answer', true) : invalidAnswer('sent an answer that cannot be read', false);
}

/** Whether the connection broke while the response was read, as `fetch` or the SDK reports it. */
function connectionLost(error: unknown): boolean {
  if (InvalidResponseDataError.isInstance(error)) return error.data === undefined;
  return error instanceof TypeError && error.message === 'terminated';
}

/** Maps the error type in a stream to an HTTP status. Each provider has its own types. */
function statusOf(type: string | undefined): number | undefined {
  return type !== undefined && /^(invalid_request|authentication|permission|not_found)/.test(type) ? 400 : undefined;
}

function failed(options: ModelCallOptions, error: APICallError | StreamProviderError, status: number | undefined): ModelError {
  const { model, apiKey, Failure } = options;
  const quoted = quote(error.message, apiKey);
  const answered = status === undefined ? 'failed in the middle of its answer' : `answered with status ${status}`;
  return new Failure(`${model} ${answered}${quoted && `: ${quoted}`}`, {
    code: status === undefined || status === 429 || status >= 500 ? 'MODEL_OVERLOADED' : 'MODEL_REFUSED',
    // A retry cannot succeed without quota.
    retryable: isTransient(status) && !outOfQuota(error.data),
    retryAfterSeconds: 'responseHeaders' in error ? retryAfter(error.responseHeaders) : undefined,
  });
}

function isTransient(status: number | undefined): boolean {
  return status === undefined || status === 408 || status === 409 || status === 429 || status >= 500;
}

function outOfQuota(data: unknown): boolean {
  return (data as { error?: { code?: unknown } } | undefined)?.error?.code === 'insufficient_quota';
}

/** Quotes a message of a provider without keys and addresses: providers echo requests, and gateways expose internal hosts. */
function quote(message: string, apiKey: string | undefined): string {
  const hidden = (apiKey ? message.replaceAll(apiKey, '[key]') : message)
    .replace(/\bsk-[\w*.-]+/g, '[key]')
    .replace(/\bbearer\s+\S+/gi, 'Bearer [key]')
    .replace(/\b[a-z][a-z+.-]*:\/\/[^\s"'<>)]+/gi, '[address]')
    .replace(/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '[address]')
    .replace(/\s+/g, ' ')
    .trim();
  return hidden.length > MAX_QUOTE ? `${hidden.slice(0, MAX_QUOTE - 1)}…` : hidden;
}

/** The seconds of a Retry-After header, which is a number or a date. */
function retryAfter(headers: Record<string, string> | undefined): number | undefined {
  const value = headers?.['retry-after']?.trim();
  if (!value) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}
