export interface KnowledgeLimits {
  /** Largest file, in bytes. */
  maxUploadBytes: number;
  /** How long a deleted document can be restored, in days. */
  keepDeletedDays: number;
}
