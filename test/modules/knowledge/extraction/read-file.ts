import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExtractedChunk, extractChunks, type SplitSettings } from '../../../../src/modules/knowledge/extraction/extract.ts';
import type { ExtractionLimits } from '../../../../src/modules/knowledge/extraction/limits.ts';
import type { MediaType } from '../../../../src/modules/knowledge/extraction/media-types.ts';

export const settings: SplitSettings = { chunkSize: 100, chunkOverlap: 10 };

/** Writes bytes to a temporary file and extracts its chunks. */
export async function chunksOf(
  bytes: Buffer | string,
  mediaType: MediaType,
  split: SplitSettings = settings,
  limits: Partial<ExtractionLimits> & { signal?: AbortSignal } = {},
): Promise<ExtractedChunk[]> {
  const folder = await mkdtemp(join(tmpdir(), 'agentbase-extraction-'));
  try {
    const path = join(folder, 'document');
    await writeFile(path, bytes);
    return await extractChunks({ path, mediaType }, split, limits);
  } finally {
    await rm(folder, { recursive: true });
  }
}
