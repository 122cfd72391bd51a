DELETE FROM app.partitioned_tables WHERE table_name IN ('tool_executions', 'conversation_events');
DROP TABLE conversation_events, tool_executions, messages, conversations;
DROP FUNCTION app.append_message(), app.record_tool_execution(), app.conversation_created(), app.start_conversation(), app.change_conversation();
DROP TYPE conversation_event_type, execution_status, message_role, conversation_status;
