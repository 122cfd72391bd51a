DROP FUNCTION app.match_chunks(regconfig, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_exactly(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer),
  app.nearest_chunks_by_index(vector, text, uuid[], jsonb, text[], timestamptz, timestamptz, integer);
DROP POLICY gate_lookup ON documents;
DROP POLICY gate_lookup ON chunks;
REVOKE ALL ON documents, chunks FROM agentbase_gate;
