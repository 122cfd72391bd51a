-- Knowledge: collections of documents, their passages, and what is asked of them.

DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS vector;
EXCEPTION
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'pgvector has to be let in by a superuser first: CREATE EXTENSION vector in this database, then migrate again';
  WHEN undefined_file OR feature_not_supported THEN
    RAISE EXCEPTION 'pgvector is not installed on this PostgreSQL server: install it (0.8.4 or newer), then migrate again';
END
$$;
-- A GIN index that begins with the tenant: nobody pays for the words of their neighbours.
CREATE EXTENSION IF NOT EXISTS btree_gin;

DO $$
DECLARE
  found text := (SELECT extversion FROM pg_extension WHERE extname = 'vector');
BEGIN
  IF string_to_array(split_part(found, '-', 1), '.')::int[] < ARRAY[0, 8, 4] THEN
    RAISE EXCEPTION 'pgvector % is too old: 0.8.4 or newer is needed', found;
  END IF;
END
$$;

CREATE TYPE collection_status AS ENUM ('ACTIVE', 'ARCHIVED');

CREATE TYPE document_status AS ENUM ('PENDING', 'PROCESSING', 'INDEXED', 'FAILED');

CREATE TYPE search_strategy AS ENUM ('VECTOR', 'KEYWORD', 'HYBRID');

CREATE TYPE search_mode AS ENUM ('EXACT', 'HNSW');

CREATE TYPE feedback AS ENUM ('THUMBS_UP', 'THUMBS_DOWN');

CREATE TYPE evaluation_status AS ENUM ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED');

CREATE TABLE collections (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name varchar(200) NOT NULL,
  slug varchar(63) NOT NULL,
  description text,
  embedding_model varchar(150) NOT NULL,
  embedding_dimensions integer NOT NULL,
  chunk_size integer NOT NULL DEFAULT 400,
  chunk_overlap integer NOT NULL DEFAULT 50,
  language varchar(63) NOT NULL DEFAULT 'english',
  document_count integer NOT NULL DEFAULT 0,
  chunk_count integer NOT NULL DEFAULT 0,
  change_sequence bigint NOT NULL DEFAULT 0,
  status collection_status NOT NULL DEFAULT 'ACTIVE',
  settings jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT collections_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX collections_tenant_id_slug_key ON collections(tenant_id, slug);
CREATE INDEX collections_tenant_id_created_at_id_idx ON collections(tenant_id, created_at, id);
CREATE INDEX collections_tenant_id_name_id_idx ON collections(tenant_id, name, id);
CREATE INDEX collections_created_by_id_idx ON collections(created_by_id);
ALTER TABLE collections ADD CONSTRAINT collections_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE collections ADD CONSTRAINT collections_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE documents (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  title varchar(500) NOT NULL,
  filename varchar(255),
  media_type varchar(150) NOT NULL,
  size_bytes bigint NOT NULL,
  content_hash char(64) NOT NULL,
  storage_key varchar(255) NOT NULL,
  status document_status NOT NULL DEFAULT 'PENDING',
  chunk_count integer NOT NULL DEFAULT 0,
  total_chunks integer,
  embedding_tokens bigint NOT NULL DEFAULT 0,
  error_code varchar(50),
  error_message varchar(2000),
  index_fingerprint varchar(300),
  processing_token uuid,
  change_sequence bigint NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  uploaded_by_id uuid,
  uploaded_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  processing_started_at timestamptz(6),
  processed_at timestamptz(6),
  deleted_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT documents_pkey PRIMARY KEY (tenant_id, id)
);
-- What a passage points at, so that it can never name another collection than its document.
CREATE UNIQUE INDEX documents_tenant_id_collection_id_id_key ON documents(tenant_id, collection_id, id);
-- The same bytes are one document, however often they are brought.
CREATE UNIQUE INDEX documents_tenant_id_collection_id_content_hash_key ON documents(tenant_id, collection_id, content_hash);
CREATE UNIQUE INDEX documents_storage_key_key ON documents(storage_key);
CREATE INDEX documents_tenant_id_collection_id_uploaded_at_id_idx ON documents(tenant_id, collection_id, uploaded_at, id);
CREATE INDEX documents_tenant_id_collection_id_change_sequence_idx ON documents(tenant_id, collection_id, change_sequence);
CREATE INDEX documents_tenant_id_uploaded_at_id_idx ON documents(tenant_id, uploaded_at, id);
CREATE INDEX documents_uploaded_by_id_idx ON documents(uploaded_by_id);
ALTER TABLE documents ADD CONSTRAINT documents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE documents ADD CONSTRAINT documents_tenant_id_collection_id_fkey FOREIGN KEY (tenant_id, collection_id) REFERENCES collections(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE documents ADD CONSTRAINT documents_uploaded_by_id_fkey FOREIGN KEY (uploaded_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE chunks (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  document_id uuid NOT NULL,
  position integer NOT NULL,
  content text NOT NULL,
  token_count integer NOT NULL,
  embedding_model varchar(150) NOT NULL,
  embedding vector(1536) NOT NULL,
  search tsvector NOT NULL,
  page integer,
  section varchar(1000),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT chunks_pkey PRIMARY KEY (tenant_id, id)
);
-- In the row itself: an exact search reads every vector in scope, and one out of line would cost a look-up each.
ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE UNIQUE INDEX chunks_tenant_id_document_id_position_key ON chunks(tenant_id, document_id, position);
CREATE INDEX chunks_tenant_id_collection_id_document_id_idx ON chunks(tenant_id, collection_id, document_id);
ALTER TABLE chunks ADD CONSTRAINT chunks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE chunks ADD CONSTRAINT chunks_tenant_id_collection_id_document_id_fkey FOREIGN KEY (tenant_id, collection_id, document_id) REFERENCES documents(tenant_id, collection_id, id) ON DELETE CASCADE;

CREATE TABLE rag_queries (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid,
  query text NOT NULL,
  strategy search_strategy NOT NULL,
  mode search_mode,
  collection_ids uuid[] NOT NULL,
  filters jsonb NOT NULL DEFAULT '{}',
  results jsonb NOT NULL DEFAULT '[]',
  requested integer NOT NULL,
  returned integer NOT NULL,
  top_score double precision,
  response_ms integer NOT NULL,
  feedback feedback,
  feedback_comment varchar(2000),
  feedback_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT rag_queries_pkey PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX rag_queries_tenant_id_user_id_id_idx ON rag_queries(tenant_id, user_id, id);
CREATE INDEX rag_queries_user_id_idx ON rag_queries(user_id);
ALTER TABLE rag_queries ADD CONSTRAINT rag_queries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE rag_queries ADD CONSTRAINT rag_queries_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE evaluations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  name varchar(200) NOT NULL,
  status evaluation_status NOT NULL DEFAULT 'QUEUED',
  strategy search_strategy NOT NULL,
  collection_ids uuid[] NOT NULL,
  top_k integer NOT NULL,
  vector_weight double precision NOT NULL DEFAULT 1,
  keyword_weight double precision NOT NULL DEFAULT 1,
  questions jsonb NOT NULL,
  question_count integer NOT NULL,
  completed_count integer NOT NULL DEFAULT 0,
  recall double precision,
  mrr double precision,
  ndcg double precision,
  latency_ms double precision,
  error_message varchar(2000),
  created_by_id uuid,
  started_at timestamptz(6),
  completed_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evaluations_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX evaluations_tenant_id_created_at_id_idx ON evaluations(tenant_id, created_at, id);
CREATE INDEX evaluations_created_by_id_idx ON evaluations(created_by_id);
ALTER TABLE evaluations ADD CONSTRAINT evaluations_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE evaluations ADD CONSTRAINT evaluations_created_by_id_fkey FOREIGN KEY (created_by_id) REFERENCES users(id) ON DELETE SET NULL;

CREATE TABLE evaluation_runs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  evaluation_id uuid,
  position integer,
  query text NOT NULL,
  response text,
  model varchar(150),
  sources jsonb NOT NULL DEFAULT '[]',
  expected_document_ids uuid[] NOT NULL DEFAULT '{}',
  latency_ms integer NOT NULL,
  token_count bigint NOT NULL DEFAULT 0,
  recall double precision,
  reciprocal_rank double precision,
  ndcg double precision,
  quality_score double precision,
  user_feedback feedback,
  feedback_comment varchar(2000),
  user_id uuid,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evaluation_runs_pkey PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX evaluation_runs_tenant_id_evaluation_id_position_key ON evaluation_runs(tenant_id, evaluation_id, position);
CREATE INDEX evaluation_runs_tenant_id_created_at_id_idx ON evaluation_runs(tenant_id, created_at, id);
CREATE INDEX evaluation_runs_user_id_idx ON evaluation_runs(user_id);
ALTER TABLE evaluation_runs ADD CONSTRAINT evaluation_runs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id) ON DELETE CASCADE;
ALTER TABLE evaluation_runs ADD CONSTRAINT evaluation_runs_tenant_id_evaluation_id_fkey FOREIGN KEY (tenant_id, evaluation_id) REFERENCES evaluations(tenant_id, id) ON DELETE CASCADE;
ALTER TABLE evaluation_runs ADD CONSTRAINT evaluation_runs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL;

-- What an answer rests on, beside what it says.
ALTER TABLE messages ADD COLUMN citations jsonb;
ALTER TABLE messages ADD CONSTRAINT messages_citations_check CHECK (jsonb_typeof(citations) = 'array');

ALTER TABLE collections
  ADD CONSTRAINT collections_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT collections_slug_check CHECK (app.is_slug(slug)),
  ADD CONSTRAINT collections_embedding_dimensions_check CHECK (embedding_dimensions BETWEEN 1 AND 1536),
  ADD CONSTRAINT collections_chunk_size_check CHECK (chunk_size BETWEEN 16 AND 8192),
  ADD CONSTRAINT collections_chunk_overlap_check CHECK (chunk_overlap BETWEEN 0 AND chunk_size / 2),
  ADD CONSTRAINT collections_language_check CHECK (language IN ('simple', 'arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch',
    'english', 'finnish', 'french', 'german', 'greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali',
    'norwegian', 'portuguese', 'romanian', 'russian', 'serbian', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish')),
  ADD CONSTRAINT collections_counts_check CHECK (document_count >= 0 AND chunk_count >= 0),
  ADD CONSTRAINT collections_settings_check CHECK (jsonb_typeof(settings) = 'object'),
  ADD CONSTRAINT collections_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE documents
  ADD CONSTRAINT documents_title_check CHECK (length(btrim(title)) > 0),
  ADD CONSTRAINT documents_size_bytes_check CHECK (size_bytes > 0),
  ADD CONSTRAINT documents_content_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  ADD CONSTRAINT documents_storage_key_check CHECK (starts_with(storage_key, tenant_id::text || '/')),
  ADD CONSTRAINT documents_chunk_count_check CHECK (chunk_count >= 0 AND total_chunks >= 0),
  ADD CONSTRAINT documents_indexed_check CHECK (status <> 'INDEXED' OR deleted_at IS NOT NULL OR chunk_count = total_chunks),
  ADD CONSTRAINT documents_failed_check CHECK ((status = 'FAILED') = (error_message IS NOT NULL)),
  ADD CONSTRAINT documents_embedding_tokens_check CHECK (embedding_tokens >= 0),
  ADD CONSTRAINT documents_metadata_check CHECK (jsonb_typeof(metadata) = 'object');
ALTER TABLE chunks
  ADD CONSTRAINT chunks_position_check CHECK (position >= 0),
  ADD CONSTRAINT chunks_content_check CHECK (length(content) > 0 AND octet_length(content) <= 262144),
  ADD CONSTRAINT chunks_token_count_check CHECK (token_count > 0),
  ADD CONSTRAINT chunks_page_check CHECK (page > 0);
ALTER TABLE rag_queries
  ADD CONSTRAINT rag_queries_query_check CHECK (octet_length(query) <= 32768),
  ADD CONSTRAINT rag_queries_requested_check CHECK (requested > 0 AND returned BETWEEN 0 AND requested),
  ADD CONSTRAINT rag_queries_top_score_check CHECK (top_score BETWEEN 0 AND 1),
  ADD CONSTRAINT rag_queries_response_ms_check CHECK (response_ms >= 0),
  ADD CONSTRAINT rag_queries_filters_check CHECK (jsonb_typeof(filters) = 'object'),
  ADD CONSTRAINT rag_queries_results_check CHECK (jsonb_typeof(results) = 'array'),
  ADD CONSTRAINT rag_queries_feedback_check CHECK ((feedback IS NULL) = (feedback_at IS NULL));
ALTER TABLE evaluations
  ADD CONSTRAINT evaluations_name_check CHECK (length(btrim(name)) > 0),
  ADD CONSTRAINT evaluations_top_k_check CHECK (top_k BETWEEN 1 AND 100),
  ADD CONSTRAINT evaluations_weights_check CHECK (vector_weight >= 0 AND keyword_weight >= 0),
  ADD CONSTRAINT evaluations_questions_check CHECK (jsonb_typeof(questions) = 'array' AND jsonb_array_length(questions) = question_count),
  ADD CONSTRAINT evaluations_completed_count_check CHECK (completed_count BETWEEN 0 AND question_count),
  ADD CONSTRAINT evaluations_scores_check CHECK (recall BETWEEN 0 AND 1 AND mrr BETWEEN 0 AND 1 AND ndcg BETWEEN 0 AND 1),
  ADD CONSTRAINT evaluations_completed_at_check CHECK ((status IN ('COMPLETED', 'FAILED')) = (completed_at IS NOT NULL));
ALTER TABLE evaluation_runs
  ADD CONSTRAINT evaluation_runs_query_check CHECK (octet_length(query) <= 32768),
  ADD CONSTRAINT evaluation_runs_sources_check CHECK (jsonb_typeof(sources) = 'array'),
  ADD CONSTRAINT evaluation_runs_latency_ms_check CHECK (latency_ms >= 0),
  ADD CONSTRAINT evaluation_runs_token_count_check CHECK (token_count >= 0),
  ADD CONSTRAINT evaluation_runs_position_check CHECK ((evaluation_id IS NULL) = (position IS NULL) AND position >= 0),
  ADD CONSTRAINT evaluation_runs_scores_check CHECK (recall BETWEEN 0 AND 1 AND reciprocal_rank BETWEEN 0 AND 1 AND ndcg BETWEEN 0 AND 1 AND quality_score BETWEEN 0 AND 1);

SELECT app.isolate('collections');
SELECT app.isolate('documents');
SELECT app.isolate('chunks');
SELECT app.isolate('rag_queries');
SELECT app.isolate('evaluations');
SELECT app.isolate('evaluation_runs');

SELECT app.partition_by_month('rag_queries');

GRANT SELECT, INSERT, DELETE ON collections TO agentbase_app;
GRANT UPDATE (name, slug, description, embedding_model, embedding_dimensions, chunk_size, chunk_overlap, language, status, settings, metadata, updated_at,
  document_count, chunk_count, change_sequence) ON collections TO agentbase_app;
GRANT SELECT, INSERT, DELETE ON documents TO agentbase_app;
GRANT UPDATE (title, filename, status, chunk_count, total_chunks, embedding_tokens, error_code, error_message, index_fingerprint, processing_token,
  change_sequence, metadata, processing_started_at, processed_at, deleted_at, updated_at) ON documents TO agentbase_app;
-- A passage is made and unmade, never changed.
GRANT SELECT, INSERT, DELETE ON chunks TO agentbase_app;
GRANT SELECT, INSERT ON rag_queries TO agentbase_app;
GRANT UPDATE (feedback, feedback_comment, feedback_at) ON rag_queries TO agentbase_app;
GRANT SELECT, INSERT, DELETE ON evaluations TO agentbase_app;
GRANT UPDATE (status, completed_count, recall, mrr, ndcg, latency_ms, error_message, started_at, completed_at, updated_at) ON evaluations TO agentbase_app;
GRANT SELECT, INSERT ON evaluation_runs TO agentbase_app;
GRANT UPDATE (quality_score, user_feedback, feedback_comment, updated_at) ON evaluation_runs TO agentbase_app;

-- Counts and numbers ---------------------------------------------------------------------------------------------------
-- Every change of a document takes the next number of its collection and moves the collection's counts with it, under the
-- collection's row lock: the order of numbers is the order of commits, and no code path can forget to count.

CREATE FUNCTION app.count_document() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER count_document BEFORE INSERT OR UPDATE ON documents FOR EACH ROW EXECUTE FUNCTION app.count_document();

CREATE FUNCTION app.uncount_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE collections SET
    change_sequence = change_sequence + 1,
    document_count = document_count - CASE WHEN OLD.deleted_at IS NULL THEN 1 ELSE 0 END,
    chunk_count = chunk_count - OLD.chunk_count
  WHERE tenant_id = OLD.tenant_id AND id = OLD.collection_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER uncount_document AFTER DELETE ON documents FOR EACH ROW EXECUTE FUNCTION app.uncount_document();

-- A collection begins empty, whatever the insert says.
CREATE FUNCTION app.start_collection() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.document_count := 0;
  NEW.chunk_count := 0;
  NEW.change_sequence := 0;
  RETURN NEW;
END
$$;
CREATE TRIGGER start_collection BEFORE INSERT ON collections FOR EACH ROW EXECUTE FUNCTION app.start_collection();

CREATE FUNCTION app.count_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE documents d SET chunk_count = d.chunk_count + changed.number * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
  FROM (SELECT tenant_id, document_id, count(*)::integer AS number FROM changed_chunks GROUP BY tenant_id, document_id) changed
  WHERE d.tenant_id = changed.tenant_id AND d.id = changed.document_id;
  RETURN NULL;
END
$$;
CREATE TRIGGER count_chunks_made AFTER INSERT ON chunks REFERENCING NEW TABLE AS changed_chunks FOR EACH STATEMENT EXECUTE FUNCTION app.count_chunks();
CREATE TRIGGER count_chunks_unmade AFTER DELETE ON chunks REFERENCING OLD TABLE AS changed_chunks FOR EACH STATEMENT EXECUTE FUNCTION app.count_chunks();

-- Words ------------------------------------------------------------------------------------------------------------------

-- The words of a passage in the language of its collection; those of its headings weigh more.
CREATE FUNCTION app.index_chunk() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  words regconfig;
BEGIN
  SELECT c.language::regconfig INTO STRICT words FROM collections c WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.collection_id;
  NEW.search := setweight(to_tsvector(words, coalesce(NEW.section, '')), 'A') || setweight(to_tsvector(words, NEW.content), 'D');
  RETURN NEW;
END
$$;
CREATE TRIGGER index_chunk BEFORE INSERT ON chunks FOR EACH ROW EXECUTE FUNCTION app.index_chunk();

CREATE INDEX chunks_tenant_id_search_idx ON chunks USING gin (tenant_id, search);
CREATE INDEX chunks_embedding_idx ON chunks USING hnsw (embedding vector_cosine_ops) WITH (m = 24, ef_construction = 100);

-- Audit ------------------------------------------------------------------------------------------------------------------
-- Counters and numbers move with rows of their own; passages are made by the machine from an audited document.
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON collections FOR EACH ROW EXECUTE FUNCTION app.audit('collection', '{}',
  '{document_count,chunk_count,change_sequence}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON documents FOR EACH ROW EXECUTE FUNCTION app.audit('document', '{}',
  '{chunk_count,total_chunks,embedding_tokens,index_fingerprint,processing_token,processing_started_at,change_sequence}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON evaluations FOR EACH ROW EXECUTE FUNCTION app.audit('evaluation', '{}', '{completed_count}');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON evaluation_runs FOR EACH ROW EXECUTE FUNCTION app.audit('evaluation_run');
