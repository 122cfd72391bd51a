import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  InitializeRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  PingRequestSchema,
  ReadResourceRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import { INVALID_PARAMS, INVALID_REQUEST } from './errors.ts';

type JsonObject = Record<string, unknown>;

export interface Refusal {
  status: number;
  id: unknown;
  error: { code: number; message: string };
}

const SCHEMAS: Record<string, z.ZodType> = {
  'completion/complete': CompleteRequestSchema,
  initialize: InitializeRequestSchema,
  ping: PingRequestSchema,
  'prompts/get': GetPromptRequestSchema,
  'prompts/list': ListPromptsRequestSchema,
  'resources/list': ListResourcesRequestSchema,
  'resources/read': ReadResourceRequestSchema,
  'resources/templates/list': ListResourceTemplatesRequestSchema,
  'tools/call': CallToolRequestSchema,
  'tools/list': ListToolsRequestSchema,
};
const MAX_ISSUES = 3;
const MAX_DEPTH = 5;

/**
 * Reads null members of a request as absent and validates it here, because the SDK answers an invalid one with an internal error and the
 * validator's JSON. The SDK handles any message that is not a request or notification.
 */
export function readRequest(message: JsonObject): { message: JsonObject } | { refusal: Refusal } {
  const { jsonrpc, id, method, params } = message;
  if (typeof method !== 'string') return { message };
  const refuse = (status: number, code: number, text: string) => ({
    refusal: { status, id: id ?? null, error: { code, message: text } },
  });
  if (id !== undefined && typeof id !== 'string' && !Number.isSafeInteger(id)) {
    return {
      refusal: { ...refuse(400, INVALID_REQUEST, 'The id of a request must be a string or an integer.').refusal, id: null },
    };
  }
  if (params != null && (typeof params !== 'object' || Array.isArray(params))) {
    return refuse(id === undefined ? 400 : 200, INVALID_PARAMS, 'The params of a request must be an object.');
  }
  const isCall = method === 'tools/call';
  const request = {
    jsonrpc,
    ...(id === undefined ? {} : { id }),
    method,
    ...(params == null ? {} : { params: withoutNulls(params, isCall ? 'arguments' : undefined) as JsonObject }),
  };
  const parsed = Object.hasOwn(SCHEMAS, method) && id !== undefined ? SCHEMAS[method]?.safeParse(request) : undefined;
  return !parsed || parsed.success ? { message: request } : refuse(200, INVALID_PARAMS, sentenceOf(parsed.error));
}

/** @param data a member in which null is a value below the first level: the arguments of a tool, which validates them itself */
function withoutNulls(value: unknown, data?: string, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > MAX_DEPTH) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(
    members.map(([name, member]) => [name, name === data ? member : withoutNulls(member, undefined, depth + 1)]),
  );
}

function sentenceOf({ issues }: z.ZodError): string {
  const reasons = issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => `${path.join('.')}: ${message.replace(/^Invalid input: /, '')}`);
  return `The request is not valid. ${reasons.join('; ')}.`;
}
