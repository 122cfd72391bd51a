import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the page of GraphiQL depends on. */
export type GraphiqlPage = (request: IncomingMessage) => Promise<{
  /** The text of the editor at the first start. */
  defaultQuery: string;
  /** The credential of its requests, unless the Headers pane has one. */
  authorization: string | undefined;
}>;

interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
}

/** GraphiQL, served from files of this server: it works without a network. */
export async function graphiql(enabled: boolean, page: GraphiqlPage) {
  if (!enabled) return { graphiql: false as const };
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return {
    renderGraphiQL,
    graphiql: async (_request: Request, context: unknown) => {
      const { req, res } = context as Exchange;
      const { defaultQuery, authorization } = await page(req);
      // The page may contain a credential.
      res.setHeader('cache-control', 'no-store');
      res.setHeader('x-frame-options', 'DENY');
      return {
        title: 'Agentbase',
        defaultQuery,
        headerEditorEnabled: true,
        shouldPersistHeaders: true,
        subscriptionsProtocol: 'SSE' as const,
        additionalHeaders: { 'x-graphql-yoga-csrf': '1', ...(authorization ? { Authorization: authorization } : {}) },
      };
    },
  };
}
