export interface ExtractionLimits {
  /** Maximum time to read a document, in milliseconds. Error code TOO_SLOW. */
  timeoutMs: number;
  /** Maximum memory of the extraction thread, in MiB. Error code TOO_MUCH_MEMORY. */
  memoryMb: number;
  /** Maximum size of the file, in bytes. */
  maxBytes: number;
  /** Maximum length of the text in UTF-16 units, including the markup of text formats. */
  maxCharacters: number;
  maxChunks: number;
  maxPages: number;
}

export const defaultLimits: Readonly<ExtractionLimits> = {
  timeoutMs: 120_000,
  memoryMb: 512,
  maxBytes: 200 * 1024 * 1024,
  maxCharacters: 20_000_000,
  maxChunks: 100_000,
  maxPages: 10_000,
};
