DELETE FROM app.partitioned_tables WHERE table_name = 'rag_queries';
DROP TABLE evaluation_runs, evaluations, rag_queries, chunks, documents, collections;
ALTER TABLE messages DROP COLUMN citations;
DROP FUNCTION app.count_document(), app.uncount_document(), app.start_collection(), app.count_chunks(), app.index_chunk();
DROP TYPE evaluation_status, feedback, search_mode, search_strategy, document_status, collection_status;
-- The extensions stay: something else may use them by now.
