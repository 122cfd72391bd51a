import type { PromptDefinition } from './define-prompt.ts';
import type { ResourceKind } from './define-resource.ts';
import type { Tool } from './define-tool.ts';

/** The tools, resources and prompts of the MCP server. A viewer without the permission of one does not see it. */
export interface Catalog {
  tools: readonly Tool[];
  resources: readonly ResourceKind[];
  prompts: readonly PromptDefinition[];
  /** Sentences that explain to the model when to use which tool, resource or prompt. */
  instructions: readonly string[];
}

export function mergeCatalogs(...catalogs: Partial<Catalog>[]): Catalog {
  return {
    tools: catalogs.flatMap(({ tools = [] }) => tools),
    resources: catalogs.flatMap(({ resources = [] }) => resources),
    prompts: catalogs.flatMap(({ prompts = [] }) => prompts),
    instructions: catalogs.flatMap(({ instructions = [] }) => instructions),
  };
}
