import type { CallToolResult, ReadResourceResult } from '@modelcontextprotocol/sdk/types.js';
import { McpCallError } from '../errors.ts';
import { isObject, type JsonObject, jsonOf, listOf, objectOf, stringOf, withoutNulls } from './json-values.ts';

type Part = CallToolResult['content'][number];
type Contents = ReadResourceResult['contents'][number];

export interface ReadResult {
  content: Part[];
  structuredContent: JsonObject | undefined;
  isError: boolean;
  /** What was changed, for the log. */
  repairs: string[];
}

/**
 * Reads the result of a tool part by part: the tool has run, so that what can be read is a result. A note replaces a part that cannot be
 * read. Throws PROTOCOL if the content is no list of parts.
 */
export function readToolResult(result: JsonObject): ReadResult {
  const repairs: string[] = [];
  const content = partsOf(result).map((part) => readPart(part, repairs));
  return {
    content,
    structuredContent: structuredOf(result.structuredContent, repairs),
    isError: readFlag(result.isError),
    repairs,
  };
}

/** Reads the contents of a resource part by part. Throws PROTOCOL if none of them can be read. */
export function readResourceContents(result: JsonObject, uri: string): { contents: Contents[]; repairs: string[] } {
  const { contents: given } = result;
  const all = listOf(isContents(given) ? [given] : given);
  if (!all) throw notMcp();
  const contents = all.flatMap((part) => readContents(part, uri) ?? []);
  if (contents.length === 0 && all.length > 0) throw notMcp();
  const left = all.length - contents.length;
  return { contents, repairs: left > 0 ? [`${left} parts of a resource without text or blob`] : [] };
}

function notMcp(): McpCallError {
  return new McpCallError('PROTOCOL', 'The response of the MCP server is not a valid MCP message.', { mayHaveRun: true });
}

/** Servers of the first protocol versions answer with `toolResult`. */
function partsOf({ content, toolResult }: JsonObject): unknown[] {
  if (content == null && toolResult !== undefined) return [toolResult].flat();
  if (typeof content === 'string') return [content];
  const parts = isObject(content) && 'type' in content ? [content] : listOf(content);
  if (!parts) throw notMcp();
  return parts;
}

function structuredOf(value: unknown, repairs: string[]): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  repairs.push('structured content that is not an object');
  return { result: value };
}

function readFlag(value: unknown): boolean {
  return value === true || value === 'true';
}

function readPart(value: unknown, repairs: string[]): Part {
  if (!isObject(value)) {
    repairs.push('a part that is not an object');
    return { type: 'text', text: textOf(value) };
  }
  const { type, text } = value;
  const part = readers.get(type)?.(value);
  if (part) return { ...part, ...annotationsOf(value) } as Part;
  repairs.push('a part of an unknown kind, or without its data');
  if (typeof text === 'string') return { type: 'text', text };
  const json = textOf(value);
  if (type == null) return { type: 'text', text: json };
  const bytes = Buffer.byteLength(json);
  const size = bytes < 1_024 ? `${bytes} bytes` : `${Math.ceil(bytes / 1_024)} KB`;
  const kind = typeof type === 'string' && type.length <= 40 ? type : 'content';
  return { type: 'text', text: `[${kind}, ${size}, cannot be read]` };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (jsonOf(value) ?? '[nested too deeply]');
}

/** A reader returns undefined for a part without its data. */
const readers = new Map<unknown, (part: JsonObject) => JsonObject | undefined>([
  ['text', ({ type, text }) => ({ type, text: text == null ? '' : textOf(text) })],
  ['image', readMedia],
  ['audio', readMedia],
  [
    'resource',
    ({ type, resource }) => {
      const contents = readContents(resource, '');
      return contents && { type, resource: contents };
    },
  ],
  ['resource_link', readLink],
]);

function readMedia({ type, data, mimeType }: JsonObject): JsonObject | undefined {
  if (typeof data !== 'string') return undefined;
  const { base64, mimeType: ofUrl } = splitDataUrl(data);
  return isBase64(base64)
    ? { type, data: base64, mimeType: stringOf(mimeType) || ofUrl || 'application/octet-stream' }
    : undefined;
}

/** Some servers send a data URL in place of its base64. */
function splitDataUrl(data: string): { base64: string; mimeType?: string | undefined } {
  const comma = data.slice(0, 200).indexOf(',');
  if (!data.startsWith('data:') || comma < 0) return { base64: data };
  return { base64: data.slice(comma + 1), mimeType: data.slice('data:'.length, comma).split(';')[0] };
}

function isBase64(text: string): boolean {
  return !/[^A-Za-z0-9+/_=\s-]/.test(text);
}

function readLink({ type, uri, name, title, description, mimeType, size }: JsonObject): JsonObject | undefined {
  if (typeof uri !== 'string') return undefined;
  const texts = Object.entries({ title, description, mimeType }).filter(([, text]) => typeof text === 'string');
  const bytes = typeof size === 'number' ? { size } : {};
  return { type, uri, name: stringOf(name) || uri, ...Object.fromEntries(texts), ...bytes };
}

function isContents(value: unknown): boolean {
  return isObject(value) && ('text' in value || 'blob' in value);
}

function readContents(value: unknown, uriOfRequest: string): Contents | undefined {
  if (!isObject(value)) return undefined;
  const { uri, mimeType, text, blob, _meta } = value;
  const meta = objectOf(_meta);
  const about = {
    uri: stringOf(uri) ?? uriOfRequest,
    ...(typeof mimeType === 'string' ? { mimeType } : {}),
    ...(meta ? { _meta: meta } : {}),
  };
  if (typeof text === 'string') return { ...about, text };
  return typeof blob === 'string' && isBase64(blob) ? { ...about, blob } : undefined;
}

/** Keeps `annotations` and `_meta` only if they are objects, without their null members. */
function annotationsOf({ annotations, _meta }: JsonObject): JsonObject {
  const [about, meta] = [objectOf(annotations), objectOf(_meta)];
  return { ...(about ? { annotations: withoutNulls(about) } : {}), ...(meta ? { _meta: withoutNulls(meta) } : {}) };
}
