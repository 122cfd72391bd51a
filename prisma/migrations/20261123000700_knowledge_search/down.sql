DROP FUNCTION app.match_chunks(regconfig, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_exactly(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_by_index(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer);
DROP POLICY gate_lookup ON documents;
DROP POLICY gate_lookup ON chunks;
REVOKE ALL ON documents, chunks FROM agentbase_gate;
DROP STATISTICS chunks_scope;
ALTER INDEX chunks_tenant_id_search_idx RESET (fastupdate);
ALTER TABLE chunks ALTER COLUMN search SET STORAGE EXTENDED;
ALTER TABLE chunks RESET (toast_tuple_target);
