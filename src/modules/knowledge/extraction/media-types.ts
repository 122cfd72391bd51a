export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** The supported media types. */
export const mediaTypes = [
  'application/pdf',
  DOCX,
  'text/html',
  'text/markdown',
  'text/plain',
  'text/csv',
  'application/json',
] as const;

export type MediaType = (typeof mediaTypes)[number];

/** Alternative media types that clients declare. */
const aliases = new Map<string, MediaType>([
  ['application/x-pdf', 'application/pdf'],
  ['application/xhtml+xml', 'text/html'],
  ['text/x-markdown', 'text/markdown'],
  ['application/csv', 'text/csv'],
  ['text/json', 'application/json'],
]);

const extensions = new Map<string, MediaType>([
  ['pdf', 'application/pdf'],
  ['docx', DOCX],
  ['html', 'text/html'],
  ['htm', 'text/html'],
  ['xhtml', 'text/html'],
  ['md', 'text/markdown'],
  ['markdown', 'text/markdown'],
  ['txt', 'text/plain'],
  ['text', 'text/plain'],
  ['log', 'text/plain'],
  ['csv', 'text/csv'],
  ['json', 'application/json'],
]);

function supportedType(type: string): MediaType | undefined {
  return mediaTypes.find((candidate) => candidate === type) ?? aliases.get(type);
}

/**
 * The media type of a file: the declared type if it is supported, else the type for its filename extension. Browsers declare many text
 * formats as `text/plain`, so a known extension overrides that. Returns undefined for an unsupported file.
 */
export function mediaTypeOf(filename: string | undefined, declared: string | undefined): MediaType | undefined {
  const byType = supportedType((declared?.split(';', 1)[0] ?? '').trim().toLowerCase());
  const byExtension = extensions.get(/\.([^./\\]{1,10})$/.exec(filename?.trim() ?? '')?.[1]?.toLowerCase() ?? '');
  if (byType === 'text/plain') return byExtension ?? byType;
  return byType ?? byExtension;
}
