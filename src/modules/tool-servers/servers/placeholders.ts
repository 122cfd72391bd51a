/** An argument of a command cannot be made of the configuration. The message is for people. */
export class PlaceholderError extends Error {}

const PLACEHOLDER = /\{\{\s*([\w-]{1,100})\s*\}\}/g;

/**
 * The arguments of a command with values of the configuration in the place of `{{name}}`. One argument stays one argument, and a value
 * cannot become an option of the command. Throws PlaceholderError.
 */
export function fillPlaceholders(args: readonly string[], config: Record<string, unknown>): string[] {
  return args.map((arg) => {
    const filled = arg.replaceAll(PLACEHOLDER, (_all, name: string) => {
      const value = Object.hasOwn(config, name) ? config[name] : undefined;
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw new PlaceholderError(`The configuration needs "${name}", as a text, a number or a boolean.`);
      }
      const text = String(value);
      if (text.includes('\0')) throw new PlaceholderError(`"${name}" has a character that cannot be used.`);
      return text;
    });
    // Whichever of several values it is that begins the argument.
    if (filled.startsWith('-') && !arg.startsWith('-')) {
      throw new PlaceholderError(`The configuration must not make an option of "${arg}": it must not begin with "-".`);
    }
    return filled;
  });
}
