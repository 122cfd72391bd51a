export interface ExtractionLimits {
  /** After this time the document is given up: TOO_SLOW. */
  timeoutMs: number;
  /** Memory of the thread that reads, in MiB: TOO_MUCH_MEMORY. */
  memoryMb: number;
  /** Size of the file. */
  maxBytes: number;
  /** UTF-16 units of text. Formats that are text count with their markup. */
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
