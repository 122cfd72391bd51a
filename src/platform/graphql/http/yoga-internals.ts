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

/** Passes a body to Yoga that was read already: its server adapter reads `request.body`, which frameworks set. */
export function handBack(request: IncomingMessage, body: string): void {
  Object.assign(request, { body });
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

async function verifyBody(give: typeof handBack): Promise<void> {
  const yoga = createYoga({
    schema: createSchema({ typeDefs: 'type Query { probe: Boolean }' }),
    logging: false,
    graphiql: false,
    landingPage: false,
  });
  const body = '{"query":"{ __typename }"}';
  const request = new IncomingMessage(new Socket());
  Object.assign(request, {
    method: 'POST',
    url: '/graphql',
    headers: { host: 'localhost', 'content-type': 'application/json', 'content-length': String(body.length) },
  });
  request.push(null);
  give(request, body);
  const response = await yoga.handleNodeRequest(request, {});
  const text = await response.text();
  await yoga.dispose();
  if (text !== '{"data":{"__typename":"Query"}}') refuse('it no longer accepts a body that was already read from request.body');
}

/** Verifies both before the server starts: the JSON fast path relies on them and could not detect a wrong response. */
export async function verifyYogaInternals(
  fetchAPI: FetchAPI,
  { format, give }: { format: typeof formatResult; give: typeof handBack } = { format: formatResult, give: handBack },
): Promise<void> {
  await verifyFormat(fetchAPI, format);
  await verifyBody(give);
}
