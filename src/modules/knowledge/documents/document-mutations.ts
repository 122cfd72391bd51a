import { Readable } from 'node:stream';
import { z } from 'zod';
import type { SignedInContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { nodeId } from '../../../platform/graphql/kit/entity/node-id.ts';
import { mutation } from '../../../platform/graphql/kit/mutation.ts';
import { jsonObjectRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import { mediaTypeOf, mediaTypes } from '../extraction/media-types.ts';
import { createUploadUrl } from './create-upload-url.ts';
import { Document, requireNotDeleted } from './document.ts';
import {
  type AddedDocument,
  addDocument,
  deleteDocument,
  publishDocumentChanges,
  reprocessDocument,
  restoreDocument,
} from './documents.ts';
import { type ReceivedDocument, receiveDocument, requireMediaType, titleOf } from './receive-document.ts';

const titleRule = z.string().trim().min(1, 'Must not be empty.').max(500, 'Must have at most 500 characters.');
/** A URL has to fit into the head of a request. */
const ticketMetadataRule = jsonObjectRule.refine(
  (value) => Buffer.byteLength(JSON.stringify(value)) <= 4_096,
  'Must have at most 4 KiB as JSON. Use `updateDocument` for more.',
);
const filenameRule = z.string().regex(/\S/, 'Must not be empty.').max(255, 'Must have at most 255 characters.');

function addedPayload(name: string) {
  return builder.objectRef<AddedDocument>(name).implement({
    description: 'The document, which a worker reads next. `documentUpdated` shows how far it is.',
    fields: (t) => ({
      document: t.field({ type: Document, description: 'The document.', resolve: ({ document }) => document }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'Whether the collection had these bytes already. Then this is the document that they are.',
      }),
    }),
  });
}

const resolveAdded = (_input: unknown, context: SignedInContext, received: ReceivedDocument) =>
  addDocument(context, context.viewer, received);

mutation('uploadDocument', {
  description:
    'Adds a file to a collection: PDF, DOCX, HTML, Markdown, plain text, CSV or JSON, as a multipart request. For files larger than a ' +
    'request may be, see `createUpload`.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    file: t.field({ type: 'File', required: true, description: 'The file.' }),
    title: t.string({ description: 'What it is called. Its filename when nothing is said.', validate: titleRule }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Your own data, which searches can filter on.',
      validate: jsonObjectRule,
    }),
  }),
  payload: addedPayload('UploadDocumentPayload'),
  prepare: ({ collectionId, file, title, metadata }, context) => {
    const filename = filenameRule.safeParse(file.name);
    if (!filename.success)
      throw ValidationError.inputPath(['input', 'file'], `The filename: ${filename.error.issues[0]?.message}`);
    return receiveDocument(context, {
      collectionId,
      mediaType: requireMediaType(mediaTypeOf(file.name, file.type), ['input', 'file']),
      filename: file.name,
      title: title?.trim() ?? titleOf(file.name),
      metadata: metadata ?? undefined,
      source: file.stream(),
      path: ['input', 'file'],
    });
  },
  resolve: resolveAdded,
});

mutation('addDocument', {
  description: 'Adds a text to a collection.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    title: t.string({ required: true, description: 'What it is called.', validate: titleRule }),
    text: t.string({ required: true, description: 'The text.', validate: textRule(2_000_000).min(1, 'Must not be empty.') }),
    mediaType: t.string({
      description:
        'How the text is written: `text/plain` when nothing is said, `text/markdown`, `text/html`, `text/csv` or `application/json`.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Your own data, which searches can filter on.',
      validate: jsonObjectRule,
    }),
  }),
  payload: addedPayload('AddDocumentPayload'),
  prepare: ({ collectionId, title, text, mediaType, metadata }, context) => {
    const path = ['input', 'mediaType'];
    const type = requireMediaType(
      mediaTypes.find((known) => known === (mediaType ?? 'text/plain')),
      path,
    );
    if (type === 'application/pdf' || type.startsWith('application/vnd')) {
      throw ValidationError.inputPath(path, 'This is no text. Upload the file with `uploadDocument`.');
    }
    return receiveDocument(context, {
      collectionId,
      mediaType: type,
      title: title.trim(),
      metadata: metadata ?? undefined,
      source: Readable.from([Buffer.from(text.toWellFormed())]),
      path: ['input', 'text'],
    });
  },
  resolve: resolveAdded,
});

interface Upload {
  url: string;
  expiresAt: Date;
  maxBytes: number;
}

mutation('createUpload', {
  description:
    'Offers a URL to PUT one large file to, within minutes and without any other credential. The answer to the PUT is JSON with ' +
    '`documentId` and `duplicate`.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    filename: t.string({
      required: true,
      description: 'The name of the file, whose ending says what it is.',
      validate: filenameRule,
    }),
    mediaType: t.string({ description: 'What the file is, such as `application/pdf`, where its ending does not say it.' }),
    sizeBytes: t.field({ type: 'BigInt', description: 'Its size, where it is known: refused now instead of when it has come.' }),
    title: t.string({ description: 'What it is called. Its filename when nothing is said.', validate: titleRule }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Your own data, which searches can filter on: at most 4 KiB as JSON, for it becomes a part of the URL.',
      validate: ticketMetadataRule,
    }),
  }),
  payload: builder.objectRef<Upload>('CreateUploadPayload').implement({
    description: 'Where to PUT the file to.',
    fields: (t) => ({
      url: t.exposeString('url', { description: 'The URL. Whoever has it can upload this one file: keep it to yourself.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When it stops working.' }),
      maxBytes: t.expose('maxBytes', { type: 'BigInt', description: 'The most bytes that are taken.' }),
    }),
  }),
  resolve: (input, context) =>
    createUploadUrl(context, context.viewer, {
      collectionId: input.collectionId,
      filename: input.filename,
      mediaType: requireMediaType(mediaTypeOf(input.filename, input.mediaType ?? undefined), ['input', 'filename']),
      sizeBytes: input.sizeBytes ?? undefined,
      title: input.title?.trim() ?? titleOf(input.filename),
      metadata: input.metadata ?? undefined,
    }),
});

export const updateDocument = Document.mutations.update('updateDocument', {
  description: 'Changes what is said of a document. What is not given stays as it is.',
  input: {
    title: { description: 'What it is called.', validate: titleRule },
    metadata: { description: 'Your own data, in the place of what was there.', validate: jsonObjectRule },
  },
  check: requireNotDeleted,
  values: ({ title }) => ({ title: title?.trim() }),
  after: ({ collectionId }, context) => publishDocumentChanges(context, collectionId),
});

Document.mutations.change('deleteDocument', {
  description:
    'Takes a document out of every search at once. It can be restored until its file is removed for good, some days later.',
  change: (context, id) => deleteDocument(context, context.viewer, id),
});

Document.mutations.change('restoreDocument', {
  description: 'Takes a deleted document back, to be read anew.',
  change: (context, id) => restoreDocument(context, context.viewer, id),
});

Document.mutations.change('reprocessDocument', {
  description: 'Reads a document anew from its file, as its collection is set now. It is not found until that is done.',
  change: (context, id) => reprocessDocument(context, context.viewer, id),
});
