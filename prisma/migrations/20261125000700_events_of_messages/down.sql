CREATE OR REPLACE FUNCTION app.append_message() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event_sequence integer;
  tokens bigint := coalesce(NEW.token_count, 0);
BEGIN
  UPDATE conversations SET
    last_sequence = last_sequence + 1,
    last_event_sequence = last_event_sequence + 1,
    message_count = message_count + 1,
    total_tokens = total_tokens + tokens,
    input_tokens = input_tokens + CASE WHEN NEW.role = 'ASSISTANT' THEN 0 ELSE tokens END,
    output_tokens = output_tokens + CASE WHEN NEW.role = 'ASSISTANT' THEN tokens ELSE 0 END,
    last_message_at = clock_timestamp()
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id AND status = 'ACTIVE'
  RETURNING last_sequence, last_event_sequence, last_message_at INTO NEW.sequence, event_sequence, NEW.created_at;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'conversation % takes no messages', NEW.conversation_id USING ERRCODE = 'AB001';
  END IF;
  INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload)
  VALUES (NEW.tenant_id, app.uuid_v7(), NEW.conversation_id, event_sequence, 'MESSAGE_APPENDED',
    jsonb_build_object('messageId', NEW.id, 'messageSequence', NEW.sequence));
  RETURN NEW;
END
$$;
