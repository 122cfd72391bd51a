DELETE FROM app.partitioned_tables WHERE table_name = 'llm_calls';
ALTER TABLE mcp_tool_executions DROP COLUMN run_id;
ALTER TABLE tool_executions DROP COLUMN run_id;
ALTER TABLE messages DROP COLUMN run_id;
DROP TABLE model_prices, message_drafts, tool_calls, llm_calls, agent_runs;
DROP FUNCTION app.change_tool_call(), app.count_llm_call(), app.tell_run(), app.start_run(), app.change_run();
DROP TRIGGER audit ON conversations;
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON conversations FOR EACH ROW EXECUTE FUNCTION app.audit('conversation', '{}',
  '{last_sequence,last_event_sequence,message_count,total_tokens,input_tokens,output_tokens,last_message_at}');
ALTER TABLE agents DROP COLUMN max_run_tokens, DROP COLUMN when_busy;
-- A value cannot be taken out of a type: the type is made again without it, and what has it goes.
DELETE FROM conversation_events WHERE type::text = 'RUN_CHANGED';
ALTER TYPE conversation_event_type RENAME TO conversation_event_type_with_runs;
CREATE TYPE conversation_event_type AS ENUM ('CONVERSATION_CREATED', 'CONVERSATION_UPDATED', 'CONVERSATION_ENDED', 'MESSAGE_APPENDED', 'TOOL_EXECUTION_RECORDED');
ALTER TABLE conversation_events ALTER COLUMN type TYPE conversation_event_type USING type::text::conversation_event_type;
DROP TYPE conversation_event_type_with_runs, busy_policy, tool_call_status, tool_source, run_trigger, run_status;
