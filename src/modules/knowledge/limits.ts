export interface KnowledgeLimits {
  /** Largest file, in bytes. */
  maxUploadBytes: number;
  /** Up to so many passages in scope a vector search compares every one. */
  exactUpTo: number;
  /** How long a deleted document can be restored, in days. */
  keepDeletedDays: number;
}
