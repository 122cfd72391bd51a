import mammoth from 'mammoth';
import type { TextBlockCollector } from '../text-blocks.ts';
import { checkDocxArchive } from './docx-zip.ts';
import { readHtml } from './html.ts';

// Skips images: only their alternative text is searchable.
const withoutPictures = mammoth.images.imgElement(async () => ({ src: '' }));

export async function readDocx(bytes: Buffer, collector: TextBlockCollector): Promise<void> {
  await checkDocxArchive(bytes);
  const { value } = await mammoth.convertToHtml({ buffer: bytes }, { convertImage: withoutPictures, externalFileAccess: false });
  readHtml(value, collector);
}
