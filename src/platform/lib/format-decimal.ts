/** Formats a decimal number without trailing zeros and without an exponent: `0.00261` for `0.002610`, `0.0000004` for `4e-7`. */
export function formatDecimal(value: string | { toFixed(): string }): string {
  const text = typeof value === 'string' ? value : value.toFixed();
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}
