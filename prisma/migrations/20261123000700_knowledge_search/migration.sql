-- How passages are looked for. Three ways, each a function whose settings are its own.

-- A vector leaves room on its page for nothing but what is small: the words go there, next to it, and the text out of line. Ranking
-- reads the words of every match, and each of them out of line would be four blocks more.
ALTER TABLE chunks SET (toast_tuple_target = 8160);
ALTER TABLE chunks ALTER COLUMN search SET STORAGE MAIN;
-- New words wait in no list: it would be one for all tenants, and every search would read through it.
ALTER INDEX chunks_tenant_id_search_idx SET (fastupdate = off);
-- A collection has one tenant. Taken for independent, the two make a scope look so small that its words are read one by one.
CREATE STATISTICS chunks_scope (dependencies) ON tenant_id, collection_id FROM chunks;

-- Row security lets no operator that is not leakproof run before the policy, and `@@` is none: with a policy on the table the index
-- over words would never be used. So the search for words runs as the gate, sees a few columns, and names the tenant by itself.
GRANT SELECT (tenant_id, id, collection_id, document_id, search) ON chunks TO agentbase_gate;
GRANT SELECT (tenant_id, id, collection_id, media_type, uploaded_at, metadata, deleted_at) ON documents TO agentbase_gate;
CREATE POLICY gate_lookup ON chunks FOR SELECT TO agentbase_gate USING (true);
CREATE POLICY gate_lookup ON documents FOR SELECT TO agentbase_gate USING (true);

-- The passages of the current tenant that hold the words of a query, best first. `wanted` is written as for a web search: "a phrase",
-- -without, or. What holds all of it scores above one half; where that is too little, what holds some of it follows below.
-- Rank is ts_rank_cd with normalisation 32, rank / (rank + 1).
CREATE FUNCTION app.match_chunks(words regconfig, wanted text, among uuid[], with_metadata jsonb, of_types text[],
  since timestamptz, until timestamptz, most integer)
RETURNS TABLE (chunk_id uuid, score double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  -- Ranking reads every match. So many are enough to find the best among.
  candidates CONSTANT integer := 20000;
  all_of tsquery := websearch_to_tsquery(words, wanted);
  some_of tsquery;
  filtered boolean := with_metadata IS NOT NULL OR of_types IS NOT NULL OR since IS NOT NULL OR until IS NOT NULL;
  found_all integer;
BEGIN
  IF numnode(all_of) = 0 THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT m.id, 0.5 + ts_rank_cd(m.search, all_of, 32)::double precision / 2 FROM (
      SELECT c.id, c.search FROM public.chunks c
      WHERE c.tenant_id = app.current_tenant_id() AND c.search @@ all_of AND c.collection_id = ANY (among)
        AND (NOT filtered OR EXISTS (
          SELECT FROM public.documents d WHERE d.tenant_id = c.tenant_id AND d.id = c.document_id
            AND (with_metadata IS NULL OR d.metadata @> with_metadata) AND (of_types IS NULL OR d.media_type = ANY (of_types))
            AND (since IS NULL OR d.uploaded_at >= since) AND (until IS NULL OR d.uploaded_at < until)))
      LIMIT candidates) m
    ORDER BY 2 DESC, 1 LIMIT most;
  GET DIAGNOSTICS found_all = ROW_COUNT;
  -- With a word that must not occur, "some of it" would be nearly everything.
  IF found_all >= most OR numnode(all_of) = 1 OR position('!' IN all_of::text) > 0 THEN
    RETURN;
  END IF;
  some_of := replace(all_of::text, ' & ', ' | ')::tsquery;
  RETURN QUERY
    SELECT m.id, ts_rank_cd(m.search, some_of, 32)::double precision / 2 FROM (
      SELECT c.id, c.search FROM public.chunks c
      WHERE c.tenant_id = app.current_tenant_id() AND c.search @@ some_of AND NOT c.search @@ all_of AND c.collection_id = ANY (among)
        AND (NOT filtered OR EXISTS (
          SELECT FROM public.documents d WHERE d.tenant_id = c.tenant_id AND d.id = c.document_id
            AND (with_metadata IS NULL OR d.metadata @> with_metadata) AND (of_types IS NULL OR d.media_type = ANY (of_types))
            AND (since IS NULL OR d.uploaded_at >= since) AND (until IS NULL OR d.uploaded_at < until)))
      LIMIT candidates) m
    ORDER BY 2 DESC, 1 LIMIT most - found_all;
END
$$;
REVOKE ALL ON FUNCTION app.match_chunks(regconfig, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.match_chunks(regconfig, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer) TO agentbase_app;
ALTER FUNCTION app.match_chunks(regconfig, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer) OWNER TO agentbase_gate;

-- The nearest passages among all in scope: every vector is compared. Under row security, like any query: the tenant is named again
-- because the planner knows how much a tenant has by its name alone. Score is cosine similarity, 0 to 1.
CREATE FUNCTION app.nearest_chunks_exactly(target vector, model text, among uuid[], with_metadata jsonb, of_types text[],
  since timestamptz, until timestamptz, most integer)
RETURNS TABLE (chunk_id uuid, score double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  tenant uuid := app.current_tenant_id();
BEGIN
  -- The sum keeps the planner from the index of near neighbours, which is not exact. Written once, it is reckoned once a row.
  IF with_metadata IS NULL AND of_types IS NULL AND since IS NULL AND until IS NULL THEN
    RETURN QUERY
      SELECT n.id, greatest(0, 1 - n.distance) FROM (
        SELECT c.id, (c.embedding <=> target) + 0 AS distance FROM public.chunks c
        WHERE c.tenant_id = tenant AND c.collection_id = ANY (among) AND c.embedding_model = model
        ORDER BY 2, 1 LIMIT most) n
      ORDER BY n.distance, n.id;
  ELSE
    -- From the documents to their passages: of those that do not pass, no vector is read.
    RETURN QUERY
      SELECT n.id, greatest(0, 1 - n.distance) FROM (
        SELECT c.id, (c.embedding <=> target) + 0 AS distance FROM public.documents d
        JOIN public.chunks c ON c.tenant_id = d.tenant_id AND c.collection_id = d.collection_id AND c.document_id = d.id
        WHERE d.tenant_id = tenant AND d.collection_id = ANY (among) AND c.embedding_model = model
          AND (with_metadata IS NULL OR d.metadata @> with_metadata) AND (of_types IS NULL OR d.media_type = ANY (of_types))
          AND (since IS NULL OR d.uploaded_at >= since) AND (until IS NULL OR d.uploaded_at < until)
        ORDER BY 2, 1 LIMIT most) n
      ORDER BY n.distance, n.id;
  END IF;
END
$$;

-- The nearest passages along the index of near neighbours (HNSW), which all tenants share: it is walked on until enough of them are the
-- current tenant's and in scope, or max_scan_tuples have been looked at. Fewer than `most` says that it was given up.
CREATE FUNCTION app.nearest_chunks_by_index(target vector, model text, among uuid[], with_metadata jsonb, of_types text[],
  since timestamptz, until timestamptz, most integer)
RETURNS TABLE (chunk_id uuid, score double precision)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, public, pg_temp SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off SET jit = off
SET hnsw.iterative_scan = 'strict_order' SET hnsw.ef_search = 1000 SET hnsw.max_scan_tuples = 40000 AS $$
DECLARE
  filtered boolean := with_metadata IS NOT NULL OR of_types IS NOT NULL OR since IS NOT NULL OR until IS NOT NULL;
BEGIN
  RETURN QUERY
    SELECT c.id, greatest(0, 1 - (c.embedding <=> target)) FROM public.chunks c
    WHERE c.collection_id = ANY (among) AND c.embedding_model = model
      AND (NOT filtered OR EXISTS (
        SELECT FROM public.documents d WHERE d.tenant_id = c.tenant_id AND d.id = c.document_id
          AND (with_metadata IS NULL OR d.metadata @> with_metadata) AND (of_types IS NULL OR d.media_type = ANY (of_types))
          AND (since IS NULL OR d.uploaded_at >= since) AND (until IS NULL OR d.uploaded_at < until)))
    ORDER BY c.embedding <=> target LIMIT most;
END
$$;
REVOKE ALL ON FUNCTION app.nearest_chunks_exactly(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_by_index(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.nearest_chunks_exactly(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_by_index(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer) TO agentbase_app;
