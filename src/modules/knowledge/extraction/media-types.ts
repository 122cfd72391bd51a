export const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** What can be read. */
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

/** Other names under which programs send the same. */
const aliases = new Map<string, MediaType>([
  ['application/x-pdf', 'application/pdf'],
  ['application/xhtml+xml', 'text/html'],
  ['text/x-markdown', 'text/markdown'],
  ['application/csv', 'text/csv'],
  ['text/json', 'application/json'],
]);

const endings = new Map<string, MediaType>([
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

function known(type: string): MediaType | undefined {
  return mediaTypes.find((candidate) => candidate === type) ?? aliases.get(type);
}

/**
 * What a file is by its declared type, or by the ending of its name where the type says nothing. Browsers declare many text
 * formats as `text/plain`, so a known ending is more exact than that. undefined when it cannot be read.
 */
export function mediaTypeOf(filename: string | undefined, declared: string | undefined): MediaType | undefined {
  const byType = known((declared?.split(';', 1)[0] ?? '').trim().toLowerCase());
  const byEnding = endings.get(/\.([^./\\]{1,10})$/.exec(filename?.trim() ?? '')?.[1]?.toLowerCase() ?? '');
  if (byType === 'text/plain') return byEnding ?? byType;
  return byType ?? byEnding;
}
