import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { GraphQLError } from 'graphql';
import { createSchema, createYoga, processRegularResult } from 'graphql-yoga';

type FetchAPI = Parameters<typeof processRegularResult>[1];

/** The result of `formatResult`: a response of the fetch API. */
type Formatted = ReturnType<typeof processRegularResult>;

/** Formats a result with errors as Yoga does: status, content type and text follow from the errors and the media type. */
export function formatResult(result: unknown, fetchAPI: FetchAPI, mediaType: string): Formatted {
  return processRegularResult(result as never, fetchAPI, mediaType as never);
}

/**
 * The bytes of a body that was read already. Yoga's server adapter takes `request.body`, which frameworks set, if it is a parsed value or an
 * async iterable. It lists the keys of the value first, which takes seconds for a long string and for a Buffer.
 */
export class BufferedBody {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    yield this.bytes;
  }
}

function refuse(problem: string): never {
  throw new Error(
    `Yoga has changed: ${problem}. Adapt src/platform/graphql/http/yoga-internals.ts to this version of graphql-yoga.`,
  );
}

async function verifyFormat(fetchAPI: FetchAPI, format: typeof formatResult): Promise<void> {
  const mediaType = 'application/graphql-response+json';
  const error = new GraphQLError('probe', { extensions: { code: 'PROBE', http: { status: 418 } } });
  const { status, headers, text } = format({ data: null, errors: [error] }, fetchAPI, mediaType) ?? {};
  const isResponse =
    status === 418 && headers?.get('content-type') === `${mediaType}; charset=utf-8` && typeof text === 'function';
  if (!isResponse) refuse('processRegularResult no longer derives status and content type from errors');
  const sent = await format({ data: null, errors: [error] }, fetchAPI, mediaType).text();
  if (JSON.parse(sent)?.errors?.[0]?.extensions?.code !== 'PROBE' || sent.includes('418')) {
    refuse('processRegularResult no longer writes errors as it did');
  }
}

async function verifyBody(body: unknown, contentType: string): Promise<void> {
  const yoga = createYoga({
    schema: createSchema({ typeDefs: 'type Query { probe: Boolean }' }),
    logging: false,
    graphiql: false,
    landingPage: false,
  });
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'POST', url: '/graphql', headers: { host: 'localhost', 'content-type': contentType }, body });
  request.push(null);
  const response = await yoga.handleNodeRequest(request, {});
  const text = await response.text();
  await yoga.dispose();
  if (text !== '{"data":{"__typename":"Query"}}')
    refuse(`it no longer accepts a body of ${contentType} that was read already from request.body`);
}

const PROBE = '{ __typename }';

/** Verifies all of it before the server starts: a wrong response could not be detected later. */
export async function verifyYogaInternals(
  fetchAPI: FetchAPI,
  {
    format = formatResult,
    bodyOf = (bytes: Buffer): unknown => new BufferedBody(bytes),
  }: { format?: typeof formatResult; bodyOf?: (bytes: Buffer) => unknown } = {},
): Promise<void> {
  await verifyFormat(fetchAPI, format);
  await verifyBody({ query: PROBE }, 'application/json');
  await verifyBody(bodyOf(Buffer.from(PROBE)), 'application/graphql');
}
