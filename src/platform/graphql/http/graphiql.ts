const WELCOME = `# Agentbase. Put a credential into the Headers pane below:
#   { "Authorization": "Bearer <access token or API key>" }
# Without one, only signing up and signing in are open:
#
# mutation {
#   signIn(input: { email: "owner@acme.test", password: "…" }) {
#     ... on SignInPayload { accessToken tenant { name } }
#     ... on UserError { message }
#   }
# }

query Overview {
  tenant { name }
  agents(first: 5) {
    nodes {
      name
      conversations(first: 3) {
        totalCount
        nodes { id title messageCount }
      }
    }
  }
}

# Watch a conversation: messages appended anywhere arrive here.
# subscription Watch {
#   conversationEvents(conversationId: "…", after: 0) {
#     sequence
#     type
#     message { role content }
#   }
# }
`;

/** GraphiQL from this server's own files: it works without a network. */
export async function graphiql(enabled: boolean) {
  if (!enabled) return { graphiql: false as const };
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return {
    renderGraphiQL,
    graphiql: {
      title: 'Agentbase',
      defaultQuery: WELCOME,
      headerEditorEnabled: true,
      shouldPersistHeaders: true,
      subscriptionsProtocol: 'SSE' as const,
      additionalHeaders: { 'x-graphql-yoga-csrf': '1' },
    },
  };
}
