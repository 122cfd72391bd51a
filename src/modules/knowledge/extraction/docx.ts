import mammoth from 'mammoth';
import { checkDocxArchive } from './docx-zip.ts';
import { readHtml } from './html.ts';
import type { PassageCollector } from './passages.ts';

// Pictures are not unpacked: what they show is told by their text alone, if by anything.
const withoutPictures = mammoth.images.imgElement(async () => ({ src: '' }));

export async function readDocx(bytes: Buffer, collector: PassageCollector): Promise<void> {
  await checkDocxArchive(bytes);
  const { value } = await mammoth.convertToHtml({ buffer: bytes }, { convertImage: withoutPictures, externalFileAccess: false });
  readHtml(value, collector);
}
