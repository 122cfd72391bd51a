/** What other modules may use of tool-servers. */
export { findToolsForAgent, type McpToolReference } from './calls/agent-tools.ts';
export { type McpToolOutput, textOfOutput } from './calls/call-result.ts';
export { callMcpTool } from './calls/call-tool.ts';
export type { ToolServerServices } from './services.ts';
