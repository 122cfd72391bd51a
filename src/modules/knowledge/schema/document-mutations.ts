import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Viewer } from '../../../platform/auth/viewer.ts';
import type { GraphQLContext } from '../../../platform/graphql/context.ts';
import { builder } from '../../../platform/graphql/kit/builder.ts';
import { parseId } from '../../../platform/graphql/kit/global-id.ts';
import { entityMutation, mutation } from '../../../platform/graphql/kit/mutation.ts';
import { requireViewer } from '../../../platform/graphql/kit/require-viewer.ts';
import { jsonObjectRule, textRule } from '../../../platform/graphql/kit/rules.ts';
import { ValidationError } from '../../../platform/lib/errors.ts';
import { createUploadUrl } from '../documents/create-upload-url.ts';
import { addDocument, deleteDocument, reprocessDocument, restoreDocument, updateDocument } from '../documents/documents.ts';
import { type ReceivedDocument, receiveDocument, requireMediaType, titleOf } from '../documents/receive-document.ts';
import { mediaTypeOf, mediaTypes } from '../extraction/media-types.ts';
import { Document } from './document.ts';

type DocumentRow = typeof Document.$inferType;

const titleRule = z.string().trim().min(1, 'Must not be empty.').max(500, 'Must have at most 500 characters.');
/** A URL has to fit into the head of a request. */
const ticketMetadataRule = jsonObjectRule.refine(
  (value) => Buffer.byteLength(JSON.stringify(value)) <= 4_096,
  'Must have at most 4 KiB as JSON. Use `updateDocument` for more.',
);
const filenameRule = z.string().regex(/\S/, 'Must not be empty.').max(255, 'Must have at most 255 characters.');

function payload(name: string) {
  return builder.objectRef<{ document: DocumentRow }>(name).implement({
    description: 'The document after the change.',
    fields: (t) => ({ document: t.field({ type: Document, description: 'The document.', resolve: ({ document }) => document }) }),
  });
}

function addedPayload(name: string) {
  return builder.objectRef<{ document: DocumentRow; duplicate: boolean }>(name).implement({
    description: 'The document, which a worker reads next. `documentUpdated` shows how far it is.',
    fields: (t) => ({
      document: t.field({ type: Document, description: 'The document.', resolve: ({ document }) => document }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'Whether the collection had these bytes already. Then this is the document that they are.',
      }),
    }),
  });
}

const collectionPath = ['input', 'collectionId'];
const resolveAdded = (_input: unknown, context: GraphQLContext, received: ReceivedDocument) =>
  addDocument(context, requireViewer(context), received);

mutation('uploadDocument', {
  description:
    'Adds a file to a collection: PDF, DOCX, HTML, Markdown, plain text, CSV or JSON, as a multipart request. For files larger than a ' +
    'request may be, see `createUpload`.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: t.id({ required: true, description: 'The collection.' }),
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
      collectionId: parseId('Collection', collectionId, collectionPath),
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
    collectionId: t.id({ required: true, description: 'The collection.' }),
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
      collectionId: parseId('Collection', collectionId, collectionPath),
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
    collectionId: t.id({ required: true, description: 'The collection.' }),
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
    createUploadUrl(context, requireViewer(context), {
      collectionId: parseId('Collection', input.collectionId, collectionPath),
      filename: input.filename,
      mediaType: requireMediaType(mediaTypeOf(input.filename, input.mediaType ?? undefined), ['input', 'filename']),
      sizeBytes: input.sizeBytes ?? undefined,
      title: input.title?.trim() ?? titleOf(input.filename),
      metadata: input.metadata ?? undefined,
    }),
});

mutation('updateDocument', {
  description: 'Changes what is said of a document. What is not given stays as it is.',
  access: 'knowledge:write',
  input: (t) => ({
    id: t.id({ required: true, description: 'The document.' }),
    title: t.string({ description: 'What it is called.', validate: titleRule }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Your own data, in the place of what was there.',
      validate: jsonObjectRule,
    }),
  }),
  payload: payload('UpdateDocumentPayload'),
  resolve: async ({ id, title, metadata }, context) => ({
    document: await updateDocument(context, parseId('Document', id, ['input', 'id']), {
      title: title?.trim(),
      metadata: metadata ?? undefined,
    }),
  }),
});

function change(
  name: string,
  payloadName: string,
  description: string,
  make: (context: GraphQLContext, viewer: Viewer, id: string) => Promise<DocumentRow>,
): void {
  entityMutation(name, {
    description,
    access: 'knowledge:write',
    typename: 'Document',
    payload: payload(payloadName),
    change: async (context, viewer, id) => ({ document: await make(context, viewer, id) }),
  });
}

change(
  'deleteDocument',
  'DeleteDocumentPayload',
  'Takes a document out of every search at once. It can be restored until its file is removed for good, some days later.',
  deleteDocument,
);
change('restoreDocument', 'RestoreDocumentPayload', 'Takes a deleted document back, to be read anew.', restoreDocument);
change(
  'reprocessDocument',
  'ReprocessDocumentPayload',
  'Reads a document anew from its file, as its collection is set now. It is not found until that is done.',
  reprocessDocument,
);
