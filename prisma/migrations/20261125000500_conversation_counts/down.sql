CREATE INDEX conversations_tenant_id_status_idx ON conversations(tenant_id, status);
DROP TRIGGER count_conversation ON conversations;
DROP TRIGGER count_changed_conversation ON conversations;
DROP FUNCTION app.count_conversation();
DROP TABLE conversation_counts;
