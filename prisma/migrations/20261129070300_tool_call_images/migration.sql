-- The images of a result, for the model: the output describes them in words.
ALTER TABLE tool_calls ADD COLUMN images jsonb NOT NULL DEFAULT '[]';
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_images_check CHECK (jsonb_typeof(images) = 'array' AND octet_length(images::text) <= 8388608);

SELECT app.audit_table('tool_calls', 'tool_call', '{images}', '{images}');

GRANT UPDATE (images) ON tool_calls TO agentbase_app;
