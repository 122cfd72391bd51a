/** `AgentVersion` becomes `agent version`. */
export function nounOf(typename: string): string {
  return typename.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}

/** `An` before a vowel sound: `An agent`, `An MCP server`. */
export function articleOf(noun: string): string {
  return /^[aeiou]/i.test(noun) || /^[FHLMNRSX][A-Z]/.test(noun) ? 'An' : 'A';
}

/** `an agent`, `a run`. */
export function withArticle(noun: string): string {
  return `${articleOf(noun).toLowerCase()} ${noun}`;
}

/** `API key` becomes `apiKey`. */
export function camelCaseOf(noun: string): string {
  const lowerFirst = noun.replace(/^[A-Z]+/, (word) => word.toLowerCase());
  return lowerFirst.replaceAll(/[ -](.)/g, (_match, letter: string) => letter.toUpperCase());
}

export function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
