/** The URI of a document as a resource. */
export function documentUri(id: string): string {
  return `agentbase://documents/${id}`;
}
