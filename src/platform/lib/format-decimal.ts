/** A decimal number as people write it, whichever way it came from the database: `0.00261` for `0.002610`. */
export function formatDecimal(value: { toString(): string }): string {
  const text = String(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
