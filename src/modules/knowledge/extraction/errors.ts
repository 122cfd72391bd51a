/** Error codes of documents that cannot be read. */
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

/** The document cannot be read, and a retry does not help. The message is shown to the user who uploaded it. */
export class UnreadableDocumentError extends Error {
  readonly code: UnreadableCode;

  constructor(code: UnreadableCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Runs a parser. Reports any error of it as a defect of the document: throws UnreadableDocumentError. */
export async function reading<T>(subject: string, read: () => Promise<T> | T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof UnreadableDocumentError) throw error;
    if (error instanceof RangeError && error.message.includes('call stack')) throw tooDeep({ cause: error });
    throw new UnreadableDocumentError(
      'DAMAGED',
      `${subject} is damaged and cannot be read. Repair it, or upload it in another format.`,
      { cause: error },
    );
  }
}

export function tooDeep(options?: ErrorOptions): UnreadableDocumentError {
  return new UnreadableDocumentError('TOO_LARGE', 'The document is nested too deeply. Flatten its structure.', options);
}
