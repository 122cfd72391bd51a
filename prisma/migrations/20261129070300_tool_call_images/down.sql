SELECT app.audit_table('tool_calls', 'tool_call');

ALTER TABLE tool_calls DROP COLUMN images;
