import type { UnreadableCode } from './errors.ts';
import type { ExtractionLimits } from './limits.ts';
import type { DocumentFile } from './read-document.ts';
import type { ExtractedChunk, SplitSettings } from './splitting/split-settings.ts';

/** Message to the thread: one document to read. */
export interface ExtractionTask {
  file: DocumentFile;
  split: SplitSettings;
  limits: ExtractionLimits;
}

/** Messages from the thread: chunks in order, then exactly one of the other kinds. */
export type ExtractionMessage =
  | { kind: 'chunks'; chunks: ExtractedChunk[] }
  | { kind: 'done' }
  | { kind: 'unreadable'; code: UnreadableCode; message: string; cause: string | undefined }
  /** The structured clone of an error has no `code`. */
  | { kind: 'failed'; error: Error; code: string | undefined };
