declare module 'pg/lib/utils.js' {
  /** A value as it goes over the wire: null, a Buffer, or text. Throws for what cannot be written as JSON. */
  export function prepareValue(value: unknown): unknown;
}
