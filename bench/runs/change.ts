/** Credential, mutation field, input, and selection of the payload. */
export type ChangeArguments = [credential: string | undefined, field: string, input: object, selection: string];

/** Executes one mutation. Throws the response if it is not the payload. */
export async function change<T>(url: string, ...[credential, field, input, selection]: ChangeArguments): Promise<T> {
  const title = field.charAt(0).toUpperCase() + field.slice(1);
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(credential ? { authorization: `Bearer ${credential}` } : {}) },
    body: JSON.stringify({
      query: `mutation ($input: ${title}Input!) { r: ${field}(input: $input) { ... on ${title}Payload { ${selection} } ... on UserError { message } } }`,
      variables: { input },
    }),
  });
  const answer = (await response.json()) as { data?: { r?: Record<string, unknown> } };
  const payload = answer.data?.r;
  if (!payload || 'message' in payload) throw new Error(`${field}: ${JSON.stringify(answer)}`);
  return payload as T;
}
