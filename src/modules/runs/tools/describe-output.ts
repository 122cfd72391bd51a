import { isDeepStrictEqual } from 'node:util';
import type { ToolImage } from '../../../platform/ai/language/language-model.ts';
import { type McpToolOutput, textOfOutput } from '../../tool-servers/exports.ts';

/** The output of a tool for a model. */
export interface DescribedOutput {
  /** All texts, then a description of everything else. */
  output: unknown;
  images: ToolImage[];
}

/** Larger images are only described: providers refuse them. In characters of base64. */
const MAX_IMAGE = 5_000_000;
const MAX_IMAGES = 7_500_000;

/** How the base64 of an image begins that models take. Servers also state wrong types, which providers refuse. */
const FORMATS = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
] as const;

type Part = McpToolOutput['content'][number];

/** Texts come first and whole, so that a bound on the size cuts no text for the sake of binary data. */
export function describeOutput(output: McpToolOutput): DescribedOutput {
  const { content, structuredContent } = output;
  const images: ToolImage[] = [];
  let size = 0;
  const others = content.flatMap((part) => {
    if (part.type === 'text') return [];
    const image = imageOf(part);
    if (image && size + image.data.length <= MAX_IMAGES) {
      size += image.data.length;
      images.push(image);
    }
    return [describe(part)];
  });
  const text = [textOfOutput(output), ...others].filter((line) => line !== '').join('\n');
  if (structuredContent === undefined) return { output: text, images };
  // Servers repeat structured content as text for older clients.
  const repeats = others.length === 0 && (text === '' || isDeepStrictEqual(parsed(text), structuredContent));
  return { output: repeats ? structuredContent : { text, structuredContent }, images };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function imageOf(part: Part): ToolImage | undefined {
  const data = part.type === 'image' ? part.data : part.type === 'resource' && 'blob' in part.resource ? part.resource.blob : '';
  const format = FORMATS.find(([start]) => data.startsWith(start));
  return format && data.length <= MAX_IMAGE && /^[\w+/]+={0,2}$/.test(data) ? { mediaType: format[1], data } : undefined;
}

function describe(part: Part): string {
  switch (part.type) {
    case 'image':
    case 'audio':
      return `[${part.mimeType}, ${sizeOf(part.data)}]`;
    case 'resource': {
      const { resource } = part;
      if ('text' in resource) return resource.text;
      return `[${resource.mimeType ?? 'binary data'}, ${sizeOf(resource.blob)}, ${resource.uri}]`;
    }
    case 'resource_link':
      return `[${[part.title ?? part.name, part.mimeType, part.uri].filter(Boolean).join(', ')}]`;
    default:
      return `[${(part as { type: string }).type}]`;
  }
}

function sizeOf(base64: string): string {
  const bytes = Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
  return bytes < 1_000 ? `${bytes} bytes` : `${Math.round(bytes / 1_000)} KB`;
}
