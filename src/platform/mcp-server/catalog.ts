import type { PromptDefinition } from './define-prompt.ts';
import type { ResourceKind } from './define-resource.ts';
import type { Tool } from './define-tool.ts';

/** Everything an MCP server offers, to whoever may have it. */
export interface Catalog {
  tools: readonly Tool[];
  resources: readonly ResourceKind[];
  prompts: readonly PromptDefinition[];
}

export function mergeCatalogs(...catalogs: Partial<Catalog>[]): Catalog {
  return {
    tools: catalogs.flatMap(({ tools = [] }) => tools),
    resources: catalogs.flatMap(({ resources = [] }) => resources),
    prompts: catalogs.flatMap(({ prompts = [] }) => prompts),
  };
}
