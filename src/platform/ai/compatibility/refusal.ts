import { APICallError, StreamProviderError } from 'ai';

/** A request that a provider answered with an error about the request. */
export interface Refusal {
  status: number | undefined;
  /** What the provider said, as it sent it. For recognition only: it may contain content of tenants. */
  text: string;
}

const MAX_TEXT = 8_192;
/** Neither the key, the account nor the load of the provider depends on the content of a request. */
const UNRELATED = new Set([401, 402, 403, 408, 409]);

/** Undefined for errors that do not depend on the content of the request. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (StreamProviderError.isInstance(error)) {
    return { status: error.statusCode, text: textOf(error.message, error.data) };
  }
  if (!APICallError.isInstance(error)) return undefined;
  const { statusCode: status, responseBody, message } = error;
  if (status === undefined || status < 400 || UNRELATED.has(status)) return undefined;
  return { status, text: textOf(message, responseBody) };
}

function textOf(message: string, data: unknown): string {
  const rest = typeof data === 'string' ? data : JSON.stringify(data ?? '');
  // Escaped quotes would hide names from the patterns, and a status is no count.
  return `${message} ${rest}`
    .slice(0, MAX_TEXT)
    .replaceAll('\\"', '"')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/"code" ?: ?\d+/g, '');
}

/** The whole numbers of a text, also with separators of thousands. */
export function numbersIn(text: string): number[] {
  return Array.from(text.matchAll(/\d{1,3}(?:,\d{3})+(?!\d)|\d+/g), ([digits]) => Number(digits.replaceAll(',', ''))).filter(
    Number.isSafeInteger,
  );
}
