/** Formats a decimal number without trailing zeros: `0.00261` for `0.002610`. */
export function formatDecimal(value: { toString(): string }): string {
  const text = String(value);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
