import type { UnreadableCode } from './errors.ts';
import type { ExtractionLimits } from './limits.ts';
import type { DocumentFile } from './read-document.ts';
import type { ExtractedChunk, SplitSettings } from './splitting/split-settings.ts';

/** What the thread is told: one document at a time. */
export interface ExtractionTask {
  file: DocumentFile;
  split: SplitSettings;
  limits: ExtractionLimits;
}

/** What the thread says: chunks in order, then one of the ends. */
export type ExtractionMessage =
  | { kind: 'chunks'; chunks: ExtractedChunk[] }
  | { kind: 'done' }
  | { kind: 'unreadable'; code: UnreadableCode; message: string; cause: string | undefined }
  /** Copied from thread to thread, an error loses its code. */
  | { kind: 'failed'; error: Error; code: string | undefined };
