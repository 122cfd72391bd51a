/** An argument of a command cannot be made of the configuration. The message is for people. */
export class PlaceholderError extends Error {}

const PLACEHOLDER = /\{\{\s*([\w-]{1,100})\s*\}\}/g;

/**
 * The arguments of a command with values of the configuration in the place of `{{name}}`. One argument stays one argument, and a value
 * cannot become an option of the command. Throws PlaceholderError.
 */
export function fillPlaceholders(args: readonly string[], config: Record<string, unknown>): string[] {
  return args.map((arg) =>
    arg.replaceAll(PLACEHOLDER, (_all, name: string, at: number) => {
      const value = Object.hasOwn(config, name) ? config[name] : undefined;
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw new PlaceholderError(`The configuration needs "${name}", as a text, a number or a boolean.`);
      }
      const text = String(value);
      if (text.includes('\0')) throw new PlaceholderError(`"${name}" has a character that cannot be used.`);
      if (at === 0 && text.startsWith('-')) throw new PlaceholderError(`"${name}" must not begin with "-".`);
      return text;
    }),
  );
}
