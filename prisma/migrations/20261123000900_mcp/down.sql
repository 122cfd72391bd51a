DROP TABLE mcp_tool_executions, mcp_resources, mcp_tools, mcp_server_configs, mcp_servers;
DELETE FROM app.partitioned_tables WHERE table_name = 'mcp_tool_executions';
DROP FUNCTION app.revise_mcp_config(), app.require_reachable_mcp_server(), app.is_platform_admin();
DROP TYPE mcp_server_status, mcp_server_category, mcp_transport;
