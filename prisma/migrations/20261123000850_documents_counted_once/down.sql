REVOKE UPDATE (media_type) ON documents FROM agentbase_app;
DROP TRIGGER count_new_document ON documents;
DROP FUNCTION app.count_new_document();

CREATE OR REPLACE FUNCTION app.count_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  documents_before integer := 0;
  chunks_before integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    documents_before := CASE WHEN OLD.deleted_at IS NULL THEN 1 ELSE 0 END;
    chunks_before := OLD.chunk_count;
  ELSE
    NEW.chunk_count := 0;
  END IF;
  UPDATE collections SET
    change_sequence = change_sequence + 1,
    document_count = document_count + CASE WHEN NEW.deleted_at IS NULL THEN 1 ELSE 0 END - documents_before,
    chunk_count = chunk_count + NEW.chunk_count - chunks_before
  WHERE tenant_id = NEW.tenant_id AND id = NEW.collection_id
  RETURNING change_sequence INTO NEW.change_sequence;
  RETURN NEW;
END
$$;
