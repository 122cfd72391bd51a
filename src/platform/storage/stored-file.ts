/** A file that has come and is not kept yet. */
export interface StoredFile {
  /** Where it waits, on this machine. */
  path: string;
  sizeBytes: number;
  /** SHA-256, in hexadecimal. */
  contentHash: string;
}
