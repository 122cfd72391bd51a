/** Public API of the module for other modules. */
export { findToolsForAgent, type McpToolReference } from './calls/agent-tools.ts';
export { callMcpTool } from './calls/call-tool.ts';
export { type McpToolOutput, textOfOutput } from './calls/tool-call.ts';
export type { ToolServerServices } from './services.ts';
