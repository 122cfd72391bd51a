import { SECTION_SEPARATOR, type TextBlock } from '../text-blocks.ts';
import { countTokens } from './tokens.ts';

/** Passages that are cut as one text, since each is too small on its own or there is only one. */
export interface SectionGroup {
  text: string;
  page: number | null;
  /** Where in the text each section begins, in order. */
  sections: { start: number; section: string | null }[];
}

const JOINT = '\n\n';
/** No token is longer than 128 characters. */
const LONGEST_TOKEN = 128;

interface Counted extends TextBlock {
  tokens: number;
}

/** Counts only as far as anybody asks: a passage above the size of a chunk is large, whatever it has. */
function counted(passage: TextBlock, chunkSize: number): Counted {
  return { ...passage, tokens: countTokens(passage.text.slice(0, (chunkSize + 1) * LONGEST_TOKEN)) };
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

  add(passage: Counted): void {
    this.#blocks.push(passage);
    this.tokens += passage.tokens + 1;
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
 * Whether a passage is cut together with those before it. A heading begins anew, unless either side would become a tiny chunk:
 * a quarter of the size under the same top heading, a sixteenth under another.
 */
function belongsToGroup(
  run: SectionGroupBuilder,
  passage: Counted,
  following: TextBlock | undefined,
  chunkSize: number,
): boolean {
  if (run.last.page !== passage.page) return false;
  if (run.last.section === passage.section) return true;
  const tiny = chunkSize / (top(run.last.section) === top(passage.section) ? 4 : 16);
  if (run.tokens < tiny) return true;
  // A heading that has nothing but headings under it goes with them, not with what is before it.
  if (following && isUnder(following.section, passage.section)) return false;
  return passage.tokens < tiny && run.tokens + passage.tokens < chunkSize;
}

export function* groupSections(passages: readonly TextBlock[], chunkSize: number): Generator<SectionGroup> {
  let run: SectionGroupBuilder | undefined;
  for (const [index, next] of passages.entries()) {
    const passage = counted(next, chunkSize);
    if (run && belongsToGroup(run, passage, passages[index + 1], chunkSize)) {
      run.add(passage);
    } else {
      if (run) yield run.build();
      run = new SectionGroupBuilder(passage);
    }
  }
  if (run) yield run.build();
}

/** What is common to the sections between two places of a run, else the first of them. */
export function sectionOf(run: SectionGroup, start: number, end: number): string | null {
  const touched = run.sections.filter((part, index) => part.start < end && (run.sections[index + 1]?.start ?? Infinity) > start);
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
