const SIGNED_OUT = `# Agentbase. Put a credential into the Headers pane below:
#   { "Authorization": "Bearer <access token or API key>" }
# Without one, only signing up and signing in are open:
#
# mutation {
#   signIn(input: { email: "owner@acme.test", password: "…" }) {
#     ... on SignInPayload { accessToken tenant { name } }
#     ... on UserError { message }
#   }
# }
`;

const signedIn = (demo: {
  tenant: string;
  email: string;
}) => `# Agentbase. This page is signed in as ${demo.email}, the owner of the
# demo tenant ${demo.tenant}, for 15 minutes: reload it to sign in again. Only the embedded development mode does this,
# and only for browsers on this machine. To act as another user, use the Headers pane below:
#   { "Authorization": "Bearer <access token or API key>" }
`;

/** The text that GraphiQL shows at its first start. */
export function exampleFor(demo: { tenant: string; email: string } | undefined): string {
  return `${demo ? signedIn(demo) : SIGNED_OUT}${QUERIES}`;
}

const QUERIES = `
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
