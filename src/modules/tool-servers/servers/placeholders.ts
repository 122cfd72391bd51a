/** The configuration cannot be applied to the server. The message is for users. */
export class PlaceholderError extends Error {}

const PLACEHOLDER = /\{\{\s*([\w-]{1,100})\s*\}\}/g;

/**
 * Replaces `{{name}}` in the arguments of a command by values of the configuration. A value cannot add an argument and cannot turn an
 * argument into an option. Throws PlaceholderError.
 */
export function fillPlaceholders(args: readonly string[], config: Record<string, unknown>): string[] {
  return args.map((arg) => {
    const filled = arg.replaceAll(PLACEHOLDER, (_all, name: string) => {
      const value = Object.hasOwn(config, name) ? config[name] : undefined;
      if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
        throw new PlaceholderError(`The configuration must have "${name}", a string, number or boolean.`);
      }
      const text = String(value);
      if (text.includes('\0')) throw new PlaceholderError(`"${name}" contains the character NUL.`);
      return text;
    });
    // Checks the result, since any of several values can be at the beginning of the argument.
    if (filled.startsWith('-') && !arg.startsWith('-')) {
      throw new PlaceholderError(`The value for "${arg}" must not begin with "-", which would turn it into an option.`);
    }
    return filled;
  });
}
