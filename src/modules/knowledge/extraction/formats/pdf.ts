import { getDocumentProxy } from 'unpdf';
import { UnreadableDocumentError } from '../errors.ts';
import { type TextBlockCollector, tooMuchText } from '../text-blocks.ts';
import { pageText, type TextItem } from './pdf-lines.ts';

type Document = Awaited<ReturnType<typeof getDocumentProxy>>;
type Page = Awaited<ReturnType<Document['getPage']>>;

interface PdfLimits {
  maxPages: number;
  maxCharacters: number;
}

async function open(bytes: Uint8Array): Promise<Document> {
  try {
    return await getDocumentProxy(bytes, { verbosity: 0, disableFontFace: true, maxImageSize: 1 });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'PasswordException') throw error;
    throw new UnreadableDocumentError('ENCRYPTED', 'The PDF is encrypted. Remove its password and upload it again.', {
      cause: error,
    });
  }
}

/** Reads the text as a stream, so that the limit applies before the end of a huge page. */
async function itemsOf(page: Page, { maxCharacters }: PdfLimits): Promise<TextItem[]> {
  const items: TextItem[] = [];
  let characters = 0;
  const reader = page.streamTextContent().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    for (const item of part.value.items as (TextItem | { type: string })[]) {
      if (!('str' in item)) continue;
      items.push(item);
      characters += item.str.length;
    }
    if (characters > maxCharacters) throw tooMuchText(maxCharacters);
  }
  return items;
}

/** Collects one block per page. */
export async function readPdf(bytes: Uint8Array, collector: TextBlockCollector, limits: PdfLimits): Promise<void> {
  const document = await open(bytes);
  if (document.numPages > limits.maxPages) {
    const most = limits.maxPages.toLocaleString('en');
    throw new UnreadableDocumentError('TOO_LARGE', `The PDF has more than ${most} pages. Split it into smaller documents.`);
  }
  for (let number = 1; number <= document.numPages; number += 1) {
    const page = await document.getPage(number);
    collector.add(pageText(await itemsOf(page, limits)), { page: number });
    page.cleanup();
  }
}
