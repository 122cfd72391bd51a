/** The public interface of the module. */
export { Agent } from './agent.ts';
export { permissionOfTool, type ToolReference, toolReferences } from './tool-references.ts';
