-- A document is counted once it is there. Before it is, nobody knows: INSERT … ON CONFLICT DO NOTHING runs the trigger before it finds
-- that it has nothing to do.

CREATE OR REPLACE FUNCTION app.count_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  documents_more integer := 0;
  chunks_more integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    documents_more := (NEW.deleted_at IS NULL)::integer - (OLD.deleted_at IS NULL)::integer;
    chunks_more := NEW.chunk_count - OLD.chunk_count;
  ELSE
    NEW.chunk_count := 0;
  END IF;
  UPDATE collections SET
    change_sequence = change_sequence + 1,
    document_count = document_count + documents_more,
    chunk_count = chunk_count + chunks_more
  WHERE tenant_id = NEW.tenant_id AND id = NEW.collection_id
  RETURNING change_sequence INTO NEW.change_sequence;
  RETURN NEW;
END
$$;

CREATE FUNCTION app.count_new_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE collections SET document_count = document_count + 1 WHERE tenant_id = NEW.tenant_id AND id = NEW.collection_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_new_document AFTER INSERT ON documents FOR EACH ROW WHEN (NEW.deleted_at IS NULL)
  EXECUTE FUNCTION app.count_new_document();

-- What was counted too often until now. The owner sees no tenant's rows while row security is forced on them.
ALTER TABLE collections NO FORCE ROW LEVEL SECURITY;
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
UPDATE collections c SET document_count = there.number
FROM (SELECT k.tenant_id, k.id, count(d.id)::integer AS number FROM collections k
  LEFT JOIN documents d ON d.tenant_id = k.tenant_id AND d.collection_id = k.id AND d.deleted_at IS NULL GROUP BY k.tenant_id, k.id) there
WHERE c.tenant_id = there.tenant_id AND c.id = there.id AND c.document_count <> there.number;
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE collections FORCE ROW LEVEL SECURITY;

-- The same bytes brought again under their right name are read as what that says.
GRANT UPDATE (media_type) ON documents TO agentbase_app;
