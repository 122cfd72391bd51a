export interface KnowledgeLimits {
  /** Maximum size of a file, in bytes. */
  maxUploadBytes: number;
  /** Maximum number of chunks in scope that a vector search compares one by one. A larger scope may use the HNSW index. */
  exactUpTo: number;
  /** Time for which a deleted document can be restored, in days. */
  keepDeletedDays: number;
}
