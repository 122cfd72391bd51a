export interface ExtractionLimits {
  /** Maximum time to read a document, in milliseconds. Error code TOO_SLOW. The size and the type of the file may shorten it: see `timeLimit`. */
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

const START_MS = 10_000;
const TEXT_MS_PER_MB = 2_000;
const BINARY_MS_PER_MB = 30_000;

/**
 * The time to read a file: several times that of an ordinary one of its size, on a busy machine. A small file that takes long is hostile to its
 * parser and must not keep a worker from the documents of others.
 */
export function timeLimit(mediaType: string, bytes: number, { timeoutMs }: Pick<ExtractionLimits, 'timeoutMs'>): number {
  const perMegabyte = /^text\/|json$/.test(mediaType) ? TEXT_MS_PER_MB : BINARY_MS_PER_MB;
  return Math.min(timeoutMs, START_MS + Math.ceil((bytes / 1024 / 1024) * perMegabyte));
}
