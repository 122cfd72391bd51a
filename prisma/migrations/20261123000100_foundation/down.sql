-- The roles stay: other databases of the cluster may use them. The extension stays too, it is not ours alone.
DROP SCHEMA partitions CASCADE;
DROP SCHEMA app CASCADE;
REVOKE USAGE ON SCHEMA public FROM agentbase_app, agentbase_gate;
