/** What other modules may use of agents. */
export { Agent } from './agent.ts';
export { type ToolReference, toolReferences } from './tool-references.ts';
