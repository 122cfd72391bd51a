/** Why a document cannot be read, for programs. */
export const unreadableCodes = [
  'EMPTY',
  'NO_TEXT',
  'ENCRYPTED',
  'DAMAGED',
  'WRONG_TYPE',
  'TOO_LARGE',
  'TOO_SLOW',
  'TOO_MUCH_MEMORY',
] as const;

export type UnreadableCode = (typeof unreadableCodes)[number];

/** The document itself cannot be read: trying again will not help. The message is for the person who uploaded it. */
export class UnreadableDocumentError extends Error {
  readonly code: UnreadableCode;

  constructor(code: UnreadableCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Runs a reader that was written for good files. Whatever it stumbles over is wrong with the document. */
export async function reading<T>(what: string, read: () => Promise<T> | T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnreadableDocumentError) throw error;
    if (error instanceof RangeError && error.message.includes('call stack')) throw tooDeep({ cause: error });
    throw new UnreadableDocumentError('DAMAGED', `${what} is damaged and cannot be read.`, { cause: error });
  }
}

export function tooDeep(options?: ErrorOptions): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_LARGE', 'The document is nested too deeply.', options);
}
