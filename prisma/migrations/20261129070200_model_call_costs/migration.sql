-- A price has 6 places for a million tokens, so that the cost of one token has 12: nothing is rounded.
ALTER TABLE llm_calls ALTER COLUMN cost_usd TYPE numeric(24,12);
ALTER TABLE agent_runs ALTER COLUMN cost_usd TYPE numeric(24,12);
ALTER TABLE conversations ALTER COLUMN cost_usd TYPE numeric(24,12);

CREATE TYPE llm_call_kind AS ENUM ('RUN', 'ANSWER', 'EMBEDDING');
ALTER TABLE llm_calls
  ADD COLUMN kind llm_call_kind NOT NULL DEFAULT 'RUN',
  ADD COLUMN estimated boolean NOT NULL DEFAULT false,
  ADD COLUMN unpriced boolean NOT NULL DEFAULT false;
ALTER TABLE llm_calls ADD CONSTRAINT llm_calls_unpriced_check CHECK (NOT unpriced OR cost_usd = 0);
ALTER TABLE agent_runs ADD COLUMN unpriced_calls integer NOT NULL DEFAULT 0;
ALTER TABLE agent_runs ADD CONSTRAINT agent_runs_unpriced_calls_check CHECK (unpriced_calls >= 0);

CREATE OR REPLACE FUNCTION app.start_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.iterations := 0;
  NEW.input_tokens := 0;
  NEW.output_tokens := 0;
  NEW.cached_tokens := 0;
  NEW.cost_usd := 0;
  NEW.unpriced_calls := 0;
  NEW.change_sequence := 1;
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION app.count_llm_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE agent_runs SET
    iterations = greatest(iterations, NEW.iteration),
    input_tokens = input_tokens + NEW.input_tokens,
    output_tokens = output_tokens + NEW.output_tokens,
    cached_tokens = cached_tokens + NEW.cached_tokens,
    cost_usd = cost_usd + NEW.cost_usd,
    unpriced_calls = unpriced_calls + NEW.unpriced::integer
  WHERE tenant_id = NEW.tenant_id AND id = NEW.run_id;
  UPDATE conversations SET cost_usd = cost_usd + NEW.cost_usd
  WHERE tenant_id = NEW.tenant_id AND id = NEW.conversation_id AND NEW.cost_usd > 0;
  RETURN NULL;
END
$$;

SELECT app.ignore_in_audit('agent_runs', 'unpriced_calls');

GRANT UPDATE (unpriced_calls) ON agent_runs TO agentbase_app;
