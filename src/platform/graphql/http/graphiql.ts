/** GraphiQL, served from files of this server: it works without a network. */
export async function graphiql(enabled: boolean, defaultQuery: string) {
  if (!enabled) return { graphiql: false as const };
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return {
    renderGraphiQL,
    graphiql: {
      title: 'Agentbase',
      defaultQuery,
      headerEditorEnabled: true,
      shouldPersistHeaders: true,
      subscriptionsProtocol: 'SSE' as const,
      additionalHeaders: { 'x-graphql-yoga-csrf': '1' },
    },
  };
}
