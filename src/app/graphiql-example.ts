/** The text that GraphiQL shows at its first start. */
export const graphiqlExample = `# Agentbase. Put a credential into the Headers pane below:
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
