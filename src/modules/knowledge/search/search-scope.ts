import { InvalidStateError, NotFoundError } from '../../../platform/lib/errors.ts';
import { queryRows, sql } from '../../../platform/postgres/sql.ts';
import type { KnowledgeServices } from '../services.ts';

/** Conditions on the documents. All must hold. */
export interface ScopeFilter {
  /** What the document's metadata must contain. */
  metadata?: Record<string, unknown> | undefined;
  /** One of these. */
  mediaTypes?: string[] | undefined;
  uploadedAfter?: Date | undefined;
  uploadedBefore?: Date | undefined;
}

export interface ScopeCollection {
  id: string;
  embeddingModel: string;
  language: string;
  /** Passages that pass the filter. */
  chunkCount: number;
}

export interface SearchScope {
  collections: ScopeCollection[];
  /** Passages of all tenants, roughly. Only ever compared with. */
  allChunks: number;
}

/** Where a search looks, and how much there is. Throws NotFoundError for collections that are not the tenant's. */
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
      throw new InvalidStateError('A collection is archived. Restore it first, or leave it out.', {
        path: ['input', 'collectionIds'],
      });
    }
  }
  return {
    collections: found.map(({ id, embeddingModel, language, chunkCount }) => ({ id, embeddingModel, language, chunkCount })),
    allChunks: found[0]?.allChunks ?? 0,
  };
}
