SELECT app.ignore_in_audit('agent_runs', 'unpriced_calls', false);

CREATE OR REPLACE FUNCTION app.count_llm_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_runs SET
    iterations = greatest(iterations, NEW.iteration),
    input_tokens = input_tokens + NEW.input_tokens,
    output_tokens = output_tokens + NEW.output_tokens,
    cached_tokens = cached_tokens + NEW.cached_tokens,
    cost_usd = cost_usd + NEW.cost_usd
  WHERE tenant_id = NEW.tenant_id AND id = NEW.run_id;
  UPDATE conversations SET cost_usd = cost_usd + NEW.cost_usd
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id AND NEW.cost_usd > 0;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION app.start_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.iterations := 0;
  NEW.input_tokens := 0;
  NEW.output_tokens := 0;
  NEW.cached_tokens := 0;
  NEW.cost_usd := 0;
  NEW.change_sequence := 1;
  RETURN NEW;
END
$$;

ALTER TABLE agent_runs DROP COLUMN unpriced_calls;
ALTER TABLE llm_calls DROP COLUMN unpriced, DROP COLUMN estimated, DROP COLUMN kind;
DROP TYPE llm_call_kind;

ALTER TABLE conversations ALTER COLUMN cost_usd TYPE numeric(18,6);
ALTER TABLE agent_runs ALTER COLUMN cost_usd TYPE numeric(18,6);
ALTER TABLE llm_calls ALTER COLUMN cost_usd TYPE numeric(18,6);
