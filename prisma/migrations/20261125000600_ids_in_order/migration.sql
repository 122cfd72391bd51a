-- Ids that the database makes follow each other within a millisecond too: what one transaction writes into a log is read in the order in which it
-- happened. The twelve bits after the version are fractions of the millisecond, RFC 9562, section 6.2, method 3; the rest is chance as before.

CREATE OR REPLACE FUNCTION app.uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
  RETURN (
    overlay(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 4096000)::bigint), 15, '0') PLACING '7' FROM 13 FOR 0)
    || substr(gen_random_uuid()::text, 20)
  )::uuid;
