import { createHash } from 'node:crypto';
import { Language, type Random, seeded } from './words.ts';

/** Passages per document and words per passage. Documents are short so that the smallest tenant has more than one. */
const PASSAGES = 10;
const WORDS = 110;

export interface BenchDocument {
  id: string;
  /** Indexes in `Corpus.texts`, one per passage. Passages of the same index have the same text. */
  texts: number[];
  metadata: Record<string, unknown>;
}

export interface BenchCollection {
  id: string;
  documents: BenchDocument[];
}

export type Group = 'large' | 'middle' | 'small';

export interface BenchTenant {
  id: string;
  group: Group;
  collections: BenchCollection[];
}

export interface Corpus {
  language: Language;
  tenants: BenchTenant[];
  /** Distinct texts. */
  texts: string[];
}

/** Metadata keys, and the percentage of documents of the large tenant that each selects. */
export const SHARES = { one: 1, ten: 10, half: 50 } as const;

/** Sizes of the first collections of the large tenant, in thousandths of its documents. The rest is in collections of 100 passages. */
const LARGE_COLLECTIONS = [10, 20, 40, 100, 200, 400, 30];

/** A UUID derived from the name, equal in every run. */
export function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * 100,000 passages at scale 1: one tenant has 50,000, twenty have 2,000 each, five hundred have 20 each. Half of the documents of the
 * other tenants are copies from the large tenant: in the shared index they are the nearest neighbours of the originals.
 */
export function createCorpus(scale: number): Corpus {
  const language = new Language(1);
  const random = seeded(2);
  const texts: string[] = [];
  const write = (): number[] => {
    const subject = [...language.topic(random), ...language.topic(random).slice(0, 20)];
    return Array.from({ length: PASSAGES }, () => texts.push(language.passage(random, subject, WORDS)) - 1);
  };
  const share = (count: number) => Math.max(1, Math.round(count * scale));

  const large = largeTenant(share(5000), write);
  const all = large.collections.flatMap(({ documents }) => documents);
  const copyOf = (name: string, from: BenchDocument): BenchDocument => ({ id: idOf(name), texts: from.texts, metadata: {} });
  const own = (name: string): BenchDocument => ({ id: idOf(name), texts: write(), metadata: {} });

  const tenant = (group: Group, name: string, documents: BenchDocument[]): BenchTenant => ({
    id: idOf(name),
    group,
    collections: [{ id: idOf(`${name} collection`), documents }],
  });
  const middle = Array.from({ length: share(20) }, (_, i) =>
    tenant(
      'middle',
      `middle ${i}`,
      Array.from({ length: 200 }, (_, d) => {
        const name = `middle ${i} document ${d}`;
        return d % 2 === 0 ? copyOf(name, all[(i * 100 + d / 2) % all.length] as BenchDocument) : own(name);
      }),
    ),
  );
  // Each small tenant has a copy of one of ten documents, so each of their passages exists fifty times.
  const small = Array.from({ length: share(500) }, (_, i) => {
    const name = `small ${i} document`;
    const popular = all[(i % 10) * 7] as BenchDocument;
    return tenant('small', `small ${i}`, [copyOf(`${name} 0`, popular), own(`${name} 1`)]);
  });
  return { language, tenants: [large, ...middle, ...small], texts };
}

function largeTenant(documentCount: number, write: () => number[]): BenchTenant {
  let made = 0;
  const collection = (number: number, size: number): BenchCollection => ({
    id: idOf(`large collection ${number}`),
    documents: Array.from({ length: size }, () => {
      const percent = made++ % 100;
      const passing = Object.entries(SHARES).filter(([, share]) => percent < share);
      return {
        id: idOf(`large document ${made}`),
        texts: write(),
        metadata: Object.fromEntries(passing.map(([key]) => [key, true])),
      };
    }),
  });
  const collections = LARGE_COLLECTIONS.map((thousandths, i) => collection(i, Math.round((documentCount * thousandths) / 1000)));
  while (made < documentCount) collections.push(collection(collections.length, Math.min(10, documentCount - made)));
  return { id: idOf('large'), group: 'large', collections };
}

export function documentsOf({ collections }: BenchTenant): BenchDocument[] {
  return collections.flatMap(({ documents }) => documents);
}

export interface Query {
  kind: 'sentence' | 'topic' | 'anything';
  text: string;
}

/** Queries for a tenant: a sentence of a passage, some words of a passage, and a sentence about any topic. */
export function queriesOf({ language, texts }: Corpus, tenant: BenchTenant, count: number, random: Random): Query[] {
  const documents = documentsOf(tenant);
  const passage = () => {
    const document = documents[Math.floor(random() * documents.length)] as BenchDocument;
    return (texts[document.texts[Math.floor(random() * PASSAGES)] as number] as string).split('. ');
  };
  return Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) {
      const sentences = passage();
      return { kind: 'sentence', text: sentences[Math.floor(random() * sentences.length)] as string };
    }
    if (i % 3 === 1) {
      const words = passage().join(' ').split(' ');
      return { kind: 'topic', text: Array.from({ length: 5 }, () => words[Math.floor(random() * words.length)]).join(' ') };
    }
    return { kind: 'anything', text: language.sentence(random, language.topic(random), 8) };
  });
}
