import type { Resource, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { McpTool } from '../../../generated/prisma/client.ts';
import { shorten } from '../../../platform/lib/text.ts';
import { fitsJson, hashOfJson } from '../json-schema/canonical-json.ts';
import { type JsonSchema, MAX_SCHEMA_BYTES } from '../json-schema/json-schema.ts';
import type { Redactor } from '../secrets/redact.ts';

/** The definition of a tool that users approve: everything that models and users see of it. */
export interface DiscoveredTool {
  name: string;
  title: string | null;
  description: string | null;
  inputSchema: JsonSchema;
  outputSchema: JsonSchema | null;
  annotations: Record<string, unknown>;
}

export interface DiscoveredResource {
  uri: string;
  name: string;
  title: string | null;
  description: string | null;
  mimeType: string | null;
}

const MAX_DESCRIPTION = 20_000;
const MAX_ANNOTATIONS_BYTES = 8_192;
const NAME = /^[^\p{Cc}]{1,200}$/u;

/** Converts a listed tool and redacts secrets in it. Returns the reason if it is too large or its name is invalid. */
export function discoveredToolOf(tool: Tool, redactor: Redactor): DiscoveredTool | string {
  const { inputSchema, outputSchema = null, annotations = {} } = tool;
  const fits =
    fitsJson(inputSchema, MAX_SCHEMA_BYTES) &&
    fitsJson(outputSchema, MAX_SCHEMA_BYTES) &&
    fitsJson(annotations, MAX_ANNOTATIONS_BYTES);
  const name = redactor.text(tool.name);
  if (!fits) return 'its schemas or annotations are too large or nested too deeply';
  if (!NAME.test(name) || name.trim() === '') return 'its name is blank, longer than 200 characters or has control characters';
  return {
    name,
    title: textOf(tool.title ?? annotations.title, 500, redactor),
    description: textOf(tool.description, MAX_DESCRIPTION, redactor),
    inputSchema: redactor.json(inputSchema) as JsonSchema,
    outputSchema: redactor.json(outputSchema) as JsonSchema | null,
    annotations: redactor.json(annotations) as Record<string, unknown>,
  };
}

/** SHA-256 of the definition, in hexadecimal. */
export function hashOfTool(definition: DiscoveredTool): string {
  return hashOfJson(definition);
}

/** Returns the reason if its URI is empty or too long. */
export function discoveredResourceOf(resource: Resource, redactor: Redactor): DiscoveredResource | string {
  const uri = redactor.text(resource.uri);
  if (uri === '' || Buffer.byteLength(uri) > 2_048) return 'its URI is empty or has more than 2048 bytes';
  return {
    uri,
    name: textOf(resource.name, 500, redactor) ?? uri.slice(0, 500),
    title: textOf(resource.title, 500, redactor),
    description: textOf(resource.description, MAX_DESCRIPTION, redactor),
    mimeType: textOf(resource.mimeType, 200, redactor),
  };
}

function textOf(text: string | undefined, max: number, redactor: Redactor): string | null {
  if (!text) return null;
  const clean = redactor.text(text);
  return max > 1_000 ? shorten(clean, max) : clean.slice(0, max).toWellFormed();
}

/**
 * Approval state of a tool. Only APPROVED tools can be called. NEW tools were never approved, the definition of CHANGED tools differs from
 * the approved one, WITHDRAWN tools are no longer offered by the server.
 */
export type McpToolStatus = 'APPROVED' | 'CHANGED' | 'NEW' | 'WITHDRAWN';

export function toolStatusOf({
  offered,
  approvedHash,
  definitionHash,
}: Pick<McpTool, 'offered' | 'approvedHash' | 'definitionHash'>): McpToolStatus {
  if (!offered) return 'WITHDRAWN';
  if (approvedHash === null) return 'NEW';
  return approvedHash === definitionHash ? 'APPROVED' : 'CHANGED';
}
