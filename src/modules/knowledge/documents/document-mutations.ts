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
import { Document, requireNotDeleted, titleRule } from './document.ts';
import { type AddedDocument, addDocument, deleteDocument, reprocessDocument, restoreDocument } from './documents.ts';
import { type ReceivedDocument, receiveDocument, requireMediaType, titleOf } from './receive-document.ts';

/** The metadata becomes part of the URL, which must fit into a request header. */
const tokenMetadataRule = jsonObjectRule.refine(
  (value) => Buffer.byteLength(JSON.stringify(value)) <= 4_096,
  'Must have at most 4 KiB as JSON. Set larger metadata with `updateDocument`.',
);
const filenameRule = z.string().regex(/\S/, 'Must not be empty.').max(255, 'Must have at most 255 characters.');

function addedPayload(name: string) {
  return builder.objectRef<AddedDocument>(name).implement({
    description: 'The document, which a worker processes next. `documentUpdated` reports the progress.',
    fields: (t) => ({
      document: t.field({ type: Document, description: 'The document.', resolve: ({ document }) => document }),
      duplicate: t.exposeBoolean('duplicate', {
        description: 'Whether the collection already had a document with the same content. If true, `document` is that document.',
      }),
    }),
  });
}

const resolveAdded = (_input: unknown, context: SignedInContext, received: ReceivedDocument) =>
  addDocument(context, context.viewer, received);

mutation('uploadDocument', {
  description:
    'Adds a file to a collection: PDF, DOCX, HTML, Markdown, plain text, CSV or JSON, in a multipart request. For files above the request size ' +
    'limit use `createUpload`.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    file: t.field({ type: 'File', required: true, description: 'The file.' }),
    title: t.string({
      description: 'Title of the document, 1 to 500 characters. Default: the filename without its extension.',
      validate: titleRule,
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data, a JSON object that searches can filter by. The server does not interpret it.',
      validate: jsonObjectRule,
    }),
  }),
  payload: addedPayload('UploadDocumentPayload'),
  prepare: ({ collectionId, file, title, metadata }, context) => {
    const filename = filenameRule.safeParse(file.name);
    if (!filename.success)
      throw ValidationError.inputPath(['input', 'file'], `The filename is invalid. ${filename.error.issues[0]?.message}`);
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
  description: 'Adds a text document to a collection.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    title: t.string({ required: true, description: 'Title of the document, 1 to 500 characters.', validate: titleRule }),
    text: t.string({
      required: true,
      description: 'Content, 1 to 2,000,000 characters.',
      validate: textRule(2_000_000).min(1, 'Must not be empty.'),
    }),
    mediaType: t.string({
      description:
        'Format of the text: `text/plain`, `text/markdown`, `text/html`, `text/csv` or `application/json`. Default: `text/plain`.',
    }),
    metadata: t.field({
      type: 'JSONObject',
      description: 'Application data, a JSON object that searches can filter by. The server does not interpret it.',
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
      throw ValidationError.inputPath(path, `${type} is not a text format. Upload the file with uploadDocument.`);
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
    'Creates a URL that accepts one file by PUT for 15 minutes, without other credentials. The response to the PUT is a JSON object with ' +
    '`documentId`, `duplicate` and `status`.',
  access: 'knowledge:write',
  input: (t) => ({
    collectionId: nodeId(t, 'Collection', { required: true, description: 'The collection.' }),
    filename: t.string({
      required: true,
      description: 'Name of the file, 1 to 255 characters. Its extension determines the media type unless `mediaType` is given.',
      validate: filenameRule,
    }),
    mediaType: t.string({
      description: 'Media type of the file, such as `application/pdf`. Default: from the extension of the filename.',
    }),
    sizeBytes: t.field({
      type: 'BigInt',
      description:
        'Size of the file in bytes. If given, a size above the limit is rejected before the upload, and the URL accepts at most this size.',
    }),
    title: t.string({
      description: 'Title of the document, 1 to 500 characters. Default: the filename without its extension.',
      validate: titleRule,
    }),
    metadata: t.field({
      type: 'JSONObject',
      description:
        'Application data, a JSON object that searches can filter by, at most 4 KiB because it becomes part of the URL. The server does not ' +
        'interpret it.',
      validate: tokenMetadataRule,
    }),
  }),
  payload: builder.objectRef<Upload>('CreateUploadPayload').implement({
    description: 'The URL for the upload.',
    fields: (t) => ({
      url: t.exposeString('url', { description: 'URL for one PUT request. It is a credential: do not share it.' }),
      expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Time when the URL expires.' }),
      maxBytes: t.expose('maxBytes', { type: 'BigInt', description: 'Maximum size of a file in bytes.' }),
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
  description: 'Updates the title and metadata of a document. Omitted fields keep their values.',
  check: requireNotDeleted,
  values: ({ title }) => ({ title: title?.trim() }),
});

Document.mutations.change('deleteDocument', {
  description:
    'Deletes a document: searches exclude it immediately. It can be restored for some days, until the server removes its file.',
  change: (context, id) => deleteDocument(context, context.viewer, id),
});

Document.mutations.change('restoreDocument', {
  description: 'Restores a deleted document and processes it again.',
  change: (context, id) => restoreDocument(context, context.viewer, id),
});

Document.mutations.change('reprocessDocument', {
  description:
    'Processes a document again with the current settings of its collection. Searches do not find it until it is INDEXED.',
  change: (context, id) => reprocessDocument(context, context.viewer, id),
});
