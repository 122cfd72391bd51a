import { SECTION_SEPARATOR, type TextBlock } from '../text-blocks.ts';
import { countTokens } from './tokens.ts';

/** Blocks that are split as one text, because each alone is too small, or a single block. */
export interface SectionGroup {
  text: string;
  page: number | null;
  /** The start of each section in the text, in order. */
  sections: { start: number; section: string | null }[];
}

const JOINT = '\n\n';
/** Maximum length of a token in characters. */
const LONGEST_TOKEN = 128;

interface Counted extends TextBlock {
  tokens: number;
}

/** Counts tokens up to the limit only: a block above the size of a chunk is large, whatever its exact count. */
function counted(block: TextBlock, chunkSize: number): Counted {
  return { ...block, tokens: countTokens(block.text.slice(0, (chunkSize + 1) * LONGEST_TOKEN)) };
}

function top(section: string | null): string | null {
  return section?.split(SECTION_SEPARATOR, 1)[0] ?? null;
}

function isUnder(section: string | null, parent: string | null): boolean {
  return parent !== null && (section?.startsWith(parent + SECTION_SEPARATOR) ?? false);
}

class SectionGroupBuilder {
  readonly #blocks: Counted[];
  tokens: number;

  constructor(first: Counted) {
    this.#blocks = [first];
    this.tokens = first.tokens;
  }

  get last(): Counted {
    return this.#blocks.at(-1) as Counted;
  }

  add(block: Counted): void {
    this.#blocks.push(block);
    this.tokens += block.tokens + 1;
  }

  build(): SectionGroup {
    const sections: SectionGroup['sections'] = [];
    let start = 0;
    for (const { section, text } of this.#blocks) {
      if (sections.length === 0 || sections.at(-1)?.section !== section) sections.push({ start, section });
      start += text.length + JOINT.length;
    }
    return { text: this.#blocks.map(({ text }) => text).join(JOINT), page: this.last.page, sections };
  }
}

/**
 * Whether a block belongs to the group before it. A heading begins a new group, unless one side would become a tiny chunk: below a quarter
 * of the size under the same top heading, below a sixteenth under another.
 */
function belongsToGroup(
  group: SectionGroupBuilder,
  block: Counted,
  following: TextBlock | undefined,
  chunkSize: number,
): boolean {
  if (group.last.page !== block.page) return false;
  if (group.last.section === block.section) return true;
  const tiny = chunkSize / (top(group.last.section) === top(block.section) ? 4 : 16);
  if (group.tokens < tiny) return true;
  // A heading followed only by headings belongs to them, not to the group before it.
  if (following && isUnder(following.section, block.section)) return false;
  return block.tokens < tiny && group.tokens + block.tokens < chunkSize;
}

export function* groupSections(blocks: readonly TextBlock[], chunkSize: number): Generator<SectionGroup> {
  let group: SectionGroupBuilder | undefined;
  for (const [index, next] of blocks.entries()) {
    const block = counted(next, chunkSize);
    if (group && belongsToGroup(group, block, blocks[index + 1], chunkSize)) {
      group.add(block);
    } else {
      if (group) yield group.build();
      group = new SectionGroupBuilder(block);
    }
  }
  if (group) yield group.build();
}

/** The common prefix of the sections between two offsets of a group, else the first section. */
export function sectionOf(group: SectionGroup, start: number, end: number): string | null {
  const touched = group.sections.filter(
    (part, index) => part.start < end && (group.sections[index + 1]?.start ?? Infinity) > start,
  );
  const paths = touched.flatMap(({ section }) => (section ? [section.split(SECTION_SEPARATOR)] : []));
  const [first = [], ...others] = paths;
  let common = first.length;
  for (const path of others) {
    let same = 0;
    while (same < common && path[same] === first[same]) same += 1;
    common = same;
  }
  return first.slice(0, common || first.length).join(SECTION_SEPARATOR) || null;
}
