import type pg from 'pg';

/** How many tenants there are, and how fast their sizes fall: the n-th has a share of 1/n^1.2. */
export const TENANTS = 200;
export const ZIPF = 1.2;

/** Messages of the conversations of a tenant, in turns; 40 in the middle. */
const SIZES = [60, 8, 20, 4, 32, 180, 12, 44, 16, 24];
const AVERAGE = SIZES.reduce((sum, size) => sum + size, 0) / SIZES.length;
const DAYS = 60;

const WORDS =
  'the order was paid and has not been shipped yet so it can be cancelled free of charge until the parcel leaves the house while ' +
  'refunds above five hundred dollars are approved by a manager within two working days and support answers every question that is ' +
  'marked as urgent within two hours unless the customer has asked for a call back in which case the agent looks at the calendar first ' +
  'and proposes three times of which the customer takes one and gets a letter that says when and with whom the call will be held and what ' +
  'should be at hand then such as the number of the order the receipt and the name of the person who was there when the parcel came in';

/** UUIDv7 of a thing and the moment it was made: the same in every run that begins on the same day. */
const UUID = `
  CREATE FUNCTION pg_temp.uuid_of(kind text, number bigint, made timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '7' || substr(md5(kind || number), 1, 3) ||
      '8' || substr(md5(kind || number), 4, 15))::uuid
  $$`;

/** What a server that has run for as long as the data is old would have made. */
const PARTITIONS = `
  SELECT app.make_partition(t.table_name, (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => back)) AT TIME ZONE 'UTC')
  FROM app.partitioned_tables t, generate_series(1, 2) back`;

const tenantsSql = (messages: number) => `
  CREATE TEMP TABLE made_tenants AS
  SELECT number, pg_temp.uuid_of('tenant', number, began) AS id, began, conversations,
    10 + least(15, conversations / 500) AS agents, 10 + least(30, conversations / 100) AS members,
    sum(conversations) OVER (ORDER BY number) - conversations AS conversations_before
  FROM (
    SELECT number, greatest(1, round(${messages / AVERAGE} * power(number::float8, -${ZIPF}) / sum(power(number::float8, -${ZIPF})) OVER ()))::integer AS conversations,
      date_trunc('day', now()) - interval '${DAYS} days' AS began
    FROM generate_series(1, ${TENANTS}) number
  ) sized`;

const CONVERSATIONS = `
  CREATE TEMP TABLE made_conversations AS
  SELECT *, pg_temp.uuid_of('conversation', number, started_at) AS id, (size + 4) / 8 AS executions,
    pg_temp.uuid_of('agent', tenant_number * 1000 + agent_place, began + agent_place * interval '1 minute') AS agent_id,
    pg_temp.uuid_of('user', tenant_number * 1000 + member_place, began) AS user_id
  FROM (
    SELECT t.id AS tenant_id, t.number AS tenant_number, t.began, t.conversations_before + place AS number, place,
      CASE WHEN t.conversations < 3 THEN 16 ELSE (ARRAY[${SIZES}])[1 + (place + t.number) % ${SIZES.length}] END AS size, 1 + place % t.agents AS agent_place, 1 + place % t.members AS member_place,
      t.began + interval '1 day' + (place::float8 / t.conversations) * interval '${DAYS - 2} days' + (t.number % 1000) * interval '1 millisecond' AS started_exactly,
      place % 5 <> 4 AS active
    FROM made_tenants t, generate_series(0, t.conversations - 1) place
  ) placed, LATERAL (SELECT date_trunc('milliseconds', started_exactly) AS started_at) moment`;

const MESSAGES = `
  INSERT INTO messages (tenant_id, id, conversation_id, sequence, role, content, model, token_count, latency_ms, created_at)
  SELECT tenant_id, pg_temp.uuid_of('message', number * 1000 + sequence, made), id, sequence,
    CASE WHEN sequence % 2 = 1 THEN 'USER' ELSE 'ASSISTANT' END::message_role, content,
    CASE WHEN sequence % 2 = 0 THEN 'gpt-5-mini' END, length(content) / 4, CASE WHEN sequence % 2 = 0 THEN 400 + (sequence * 37) % 3000 END, made
  FROM made_conversations, generate_series(1, size) sequence,
    LATERAL (SELECT started_at + sequence * interval '20 seconds' AS made,
      substr($1, 1 + ((number * 31 + sequence * 17) % 200)::integer, 60 + ((number * 7 + sequence * 29) % 400)::integer) AS content) said
  ORDER BY tenant_number, number, sequence`;

const EXECUTIONS = `
  INSERT INTO tool_executions (tenant_id, id, conversation_id, message_id, agent_id, tool_name, input, output, status, duration_ms, started_at, completed_at, created_at)
  SELECT tenant_id, pg_temp.uuid_of('execution', number * 1000 + sequence, made + interval '1 second'), id,
    pg_temp.uuid_of('message', number * 1000 + sequence, made), agent_id, (ARRAY['find_order', 'search_web', 'send_letter'])[1 + (number + sequence) % 3],
    jsonb_build_object('order', number), jsonb_build_object('found', true), 'SUCCESS', 20 + (sequence * 13) % 500, made, made + interval '1 second', made + interval '1 second'
  FROM made_conversations, generate_series(4, size, 8) sequence,
    LATERAL (SELECT started_at + sequence * interval '20 seconds' AS made) moment`;

/** Sequenced as the triggers would have: the creation, then messages, then tool executions. */
const EVENTS = `
  INSERT INTO conversation_events (tenant_id, id, conversation_id, sequence, type, payload, created_at)
  SELECT tenant_id, pg_temp.uuid_of('event', number * 1000 + sequence, made), id, sequence,
    CASE WHEN sequence = 1 THEN 'CONVERSATION_CREATED' WHEN sequence <= size + 1 THEN 'MESSAGE_APPENDED' ELSE 'TOOL_EXECUTION_RECORDED' END::conversation_event_type,
    CASE
      WHEN sequence = 1 THEN '{}'::jsonb
      WHEN sequence <= size + 1 THEN jsonb_build_object('messageId',
        pg_temp.uuid_of('message', number * 1000 + sequence - 1, started_at + (sequence - 1) * interval '20 seconds'), 'messageSequence', sequence - 1)
      ELSE jsonb_build_object('toolExecutionId', pg_temp.uuid_of('execution', number * 1000 + (sequence - size - 2) * 8 + 4,
        started_at + ((sequence - size - 2) * 8 + 4) * interval '20 seconds' + interval '1 second'))
    END, made
  FROM made_conversations, generate_series(1, 1 + size + executions) sequence,
    LATERAL (SELECT started_at + sequence * interval '20 seconds' AS made) moment
  ORDER BY tenant_number, number, sequence`;

const AUDIT = `
  INSERT INTO audit_logs (tenant_id, id, actor, user_id, action, resource_type, resource_id, new_values, ip, user_agent, created_at)
  SELECT tenant_id, pg_temp.uuid_of('audit', number * 1000 + sequence, made), 'USER', user_id, 'message.created', 'message',
    pg_temp.uuid_of('message', number * 1000 + sequence, made),
    jsonb_build_object('conversation_id', id, 'sequence', sequence, 'role', CASE WHEN sequence % 2 = 1 THEN 'USER' ELSE 'ASSISTANT' END), '127.0.0.1', 'bench', made
  FROM made_conversations, generate_series(1, size) sequence,
    LATERAL (SELECT started_at + sequence * interval '20 seconds' AS made) moment
  ORDER BY tenant_number, number, sequence`;

const STATEMENTS = [
  `INSERT INTO tenants (id, name, slug, plan_code, created_at, updated_at)
   SELECT id, 'Tenant ' || number, 'tenant-' || number, CASE WHEN number <= 20 THEN 'business' ELSE 'free' END, began, began FROM made_tenants`,
  `INSERT INTO users (id, email, first_name, last_name, created_at, updated_at)
   SELECT pg_temp.uuid_of('user', number * 1000 + place, began), 'user-' || number || '-' || place || '@bench.test', 'Person', 'Number ' || place, began, began
   FROM made_tenants, generate_series(1, members) place`,
  `INSERT INTO memberships (tenant_id, id, user_id, role, created_at, updated_at)
   SELECT id, pg_temp.uuid_of('membership', number * 1000 + place, made), pg_temp.uuid_of('user', number * 1000 + place, began),
     CASE WHEN place = 1 THEN 'OWNER' WHEN place = 2 THEN 'ADMIN' ELSE 'MEMBER' END::member_role, made, made
   FROM made_tenants, generate_series(1, members) place, LATERAL (SELECT began + place * interval '1 minute' AS made) moment`,
  `INSERT INTO agents (tenant_id, id, name, slug, description, kind, provider, model, system_prompt, tags, created_by_id, created_at, updated_at)
   SELECT id, pg_temp.uuid_of('agent', number * 1000 + place, made), 'Agent ' || place, 'agent-' || place, 'Answers questions about orders', 'ASSISTANT',
     CASE WHEN place % 2 = 0 THEN 'openai' ELSE 'anthropic' END, 'model-' || place % 4, 'You answer questions about orders, in a friendly way.', '{orders,support}',
     pg_temp.uuid_of('user', number * 1000 + 1, began), made, made
   FROM made_tenants, generate_series(1, agents) place, LATERAL (SELECT began + place * interval '1 minute' AS made) moment`,
  CONVERSATIONS,
];

const COUNTED = `
  INSERT INTO conversations (tenant_id, id, agent_id, user_id, title, status, last_sequence, last_event_sequence, message_count, total_tokens, input_tokens,
    output_tokens, cost_usd, started_at, completed_at, last_message_at, created_at, updated_at)
  SELECT c.tenant_id, c.id, c.agent_id, c.user_id, 'Conversation ' || c.place || ' about an order', CASE WHEN c.active THEN 'ACTIVE' ELSE 'COMPLETED' END::conversation_status,
    c.size, 1 + c.size + c.executions, c.size, m.total, m.input, m.output, round(c.size * 0.00123, 6), c.started_at,
    CASE WHEN NOT c.active THEN m.last END, m.last, c.started_at, m.last
  FROM made_conversations c JOIN (
    SELECT conversation_id, sum(token_count) AS total, coalesce(sum(token_count) FILTER (WHERE role <> 'ASSISTANT'), 0) AS input,
      coalesce(sum(token_count) FILTER (WHERE role = 'ASSISTANT'), 0) AS output, max(created_at) AS last
    FROM messages GROUP BY conversation_id
  ) m ON m.conversation_id = c.id
  ORDER BY c.tenant_number, c.number`;

const COUNTS = `
  INSERT INTO conversation_counts (tenant_id, id, shard, active, completed)
  SELECT tenant_id, pg_temp.uuid_of('count', tenant_number, began), 0, count(*) FILTER (WHERE active), count(*) FILTER (WHERE NOT active)
  FROM made_conversations GROUP BY tenant_id, tenant_number, began`;

const FILLED = [
  'tenants',
  'users',
  'memberships',
  'agents',
  'conversations',
  'conversation_counts',
  'messages',
  'tool_executions',
  'conversation_events',
  'audit_logs',
];

/**
 * Fills a migrated, empty database with about so many messages, as its owner: rows as the triggers would have left them, without
 * the triggers, whose work would take many times as long.
 */
export async function fillDatabase(client: pg.ClientBase, messages: number): Promise<void> {
  await client.query(PARTITIONS);
  await client.query('SET session_replication_role = replica');
  await client.query(UUID);
  await client.query(tenantsSql(messages));
  for (const statement of STATEMENTS) await client.query(statement);
  await client.query({ text: MESSAGES, values: [WORDS] });
  for (const statement of [COUNTED, COUNTS, EXECUTIONS, EVENTS, AUDIT]) await client.query(statement);
  await client.query('SET session_replication_role = origin');
  for (const table of FILLED) await client.query(`VACUUM (ANALYZE) ${table}`);
}
