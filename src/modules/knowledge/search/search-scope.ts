import { InvalidStateError, NotFoundError } from '../../../platform/lib/errors.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { KnowledgeServices } from '../services.ts';

/** Conditions on the documents. All must hold. */
export interface ScopeFilter {
  /** An object that the document's metadata contains. */
  metadata?: Record<string, unknown> | undefined;
  /** The document has one of these. */
  mediaTypes?: string[] | undefined;
  uploadedAfter?: Date | undefined;
  uploadedBefore?: Date | undefined;
}

export interface ScopeCollection {
  id: string;
  embeddingModel: string;
  language: string;
  /** Number of chunks that match the filter. */
  chunkCount: number;
}

export interface SearchScope {
  collections: ScopeCollection[];
  /** Estimated number of chunks of all tenants. Used only in comparisons, never returned to a client. */
  allChunks: number;
}

/** The collections of a search with their numbers of chunks. Throws NotFoundError for a collection of another tenant, and InvalidStateError. */
export async function readSearchScope(
  { database }: KnowledgeServices,
  collectionIds: string[] | undefined,
  filter: ScopeFilter,
): Promise<SearchScope> {
  const { metadata, mediaTypes, uploadedAfter, uploadedBefore } = filter;
  const filtered = Object.values(filter).some((condition) => condition !== undefined);
  const count = filtered
    ? sql`(SELECT coalesce(sum(d.chunk_count), 0)::integer FROM documents d WHERE d.collection_id = c.id
        AND (${metadata === undefined ? null : JSON.stringify(metadata)}::jsonb IS NULL OR d.metadata @> ${metadata === undefined ? null : JSON.stringify(metadata)}::jsonb)
        AND (${mediaTypes ?? null}::text[] IS NULL OR d.media_type = ANY (${mediaTypes ?? null}::text[]))
        AND (${uploadedAfter ?? null}::timestamptz IS NULL OR d.uploaded_at >= ${uploadedAfter ?? null}::timestamptz)
        AND (${uploadedBefore ?? null}::timestamptz IS NULL OR d.uploaded_at < ${uploadedBefore ?? null}::timestamptz))`
    : sql`c.chunk_count`;
  const found = await queryRows<ScopeCollection & { active: boolean; allChunks: number }>(
    database,
    sql`SELECT c.id, c.embedding_model, c.language, c.status = 'ACTIVE' AS active, ${count} AS chunk_count,
        (SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = 'public.chunks'::regclass) AS all_chunks
      FROM collections c WHERE ${collectionIds ? sql`c.id = ANY (${collectionIds}::uuid[])` : sql`c.status = 'ACTIVE'`} ORDER BY c.id`,
  );
  if (collectionIds) {
    const known = new Set(found.map(({ id }) => id));
    const missing = collectionIds.findIndex((id) => !known.has(id));
    if (missing >= 0) throw new NotFoundError('The collection', { path: ['input', 'collectionIds', String(missing)] });
    if (found.some(({ active }) => !active)) {
      throw new InvalidStateError('A collection is archived. Restore it, or remove it from collectionIds.', {
        path: ['input', 'collectionIds'],
      });
    }
  }
  return {
    collections: found.map(({ id, embeddingModel, language, chunkCount }) => ({ id, embeddingModel, language, chunkCount })),
    allChunks: found[0]?.allChunks ?? 0,
  };
}
