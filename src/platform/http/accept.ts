/**
 * The Accept header with the most wanted media types first, without parameters other than `charset` and without types of quality 0, as RFC 9110,
 * section 12.5.1, weighs them. Readers that take the first supported type then take the best one.
 */
export function sortedAccept(header: string): string {
  if (!header.includes('q=') && !header.includes('Q=')) return header;
  const types = header.split(',').map((entry) => {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => /^q=/i.test(parameter));
    const charset = parameters.filter((parameter) => /^charset=/i.test(parameter));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    return { text: [type, ...charset].join(';'), weight: Number.isNaN(weight) ? 0 : weight };
  });
  const wanted = types.filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight);
  // A client that refuses every type gets none: this one does not exist.
  return wanted.length > 0 ? wanted.map(({ text }) => text).join(', ') : 'none/none';
}
