/** A document as a resource. */
export function uriOf(id: string): string {
  return `agentbase://documents/${id}`;
}
