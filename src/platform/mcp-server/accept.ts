/** Whether an Accept header accepts a media type. Without a header, any type is accepted (RFC 9110, section 12.5.1). */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (!header?.trim()) return true;
  const [family] = mediaType.split('/');
  const ranges = new Map(header.toLowerCase().split(',').map(weightOf));
  // The most specific range decides.
  const weight = [mediaType, `${family}/*`, '*/*'].map((range) => ranges.get(range)).find((found) => found !== undefined);
  return weight !== undefined && weight > 0;
}

function weightOf(range: string): [string, number] {
  const [mediaType = '', ...parameters] = range.split(';').map((part) => part.trim());
  const given = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length);
  const weight = given === undefined ? 1 : Number(given);
  return [mediaType === '*' ? '*/*' : mediaType, Number.isNaN(weight) ? 1 : weight];
}
