import { UriTemplate } from '@modelcontextprotocol/sdk/shared/uriTemplate.js';
import type { Resource as ListedResource, ResourceTemplate, TextResourceContents } from '@modelcontextprotocol/sdk/types.js';
import type { Permission } from '../auth/permissions.ts';
import type { McpContext } from './context.ts';

export interface ResourcePage {
  resources: Omit<ListedResource, 'mimeType'>[];
  /** Start of the next page. Undefined on the last page. */
  next?: string | undefined;
}

export type ResourceContent = Pick<TextResourceContents, '_meta'> & ({ text: string } | { blob: string });

export interface ResourceDefinition {
  /** URI template (RFC 6570) such as `agentbase://documents/{id}`, or the URI of a single resource. */
  uri: string;
  name: string;
  title: string;
  description: string;
  mimeType: string;
  /** Required permission. Viewers without it do not see these resources. */
  access: Permission;
  /** Undefined if only the template is listed. */
  list?: (context: McpContext, page: { first: number; after: string | undefined }) => Promise<ResourcePage>;
  /** @throws NotFoundError */
  read: (context: McpContext, variables: Record<string, string>) => Promise<ResourceContent>;
}

/** Resources of one kind. */
export interface ResourceKind extends ResourceDefinition {
  /** Undefined for a single resource. */
  template: ResourceTemplate | undefined;
  /** Returns the variables of a URI of this kind, and undefined for other URIs. */
  match(uri: string): Record<string, string> | undefined;
}

export function defineResource(definition: ResourceDefinition): ResourceKind {
  const { uri, name, title, description, mimeType } = definition;
  const pattern = new UriTemplate(uri);
  return {
    ...definition,
    template: UriTemplate.isTemplate(uri) ? { uriTemplate: uri, name, title, description, mimeType } : undefined,
    match(given) {
      const found = pattern.match(given);
      return found ? Object.fromEntries(Object.entries(found).map(([key, value]) => [key, String(value)])) : undefined;
    },
  };
}
