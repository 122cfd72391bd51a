DROP TABLE agent_versions, agents;
DROP FUNCTION app.number_agent_version();
DROP TYPE agent_status, agent_kind;
