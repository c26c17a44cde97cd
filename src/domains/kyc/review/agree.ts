import anyAscii from 'any-ascii';

type Value = { readonly source: string; readonly value: string };

/** Things that each document says of itself; two documents need not agree on them. */
const OF_A_DOCUMENT: ReadonlySet<string> = new Set(['documentNumber', 'issuingCountry', 'expiresOn']);

/** Whether all that is said of one thing is the same, apart from accents, case, order of words and signs. */
export function agreeOn(field: string, values: readonly Value[]): boolean {
  if (!OF_A_DOCUMENT.has(field)) {
    return new Set(values.map(({ value }) => comparable(field, value))).size <= 1;
  }
  // The last word of a source is its document.
  const documents = Map.groupBy(values, ({ source }) => source.split(' ').at(-1));
  return [...documents.values()].every(
    (said) => new Set(said.map(({ value }) => comparable(field, value))).size <= 1,
  );
}

function comparable(field: string, value: string): string {
  const plain = anyAscii(value).toUpperCase();
  if (field === 'documentNumber') {
    return plain.replace(/[^A-Z0-9]/gu, '');
  }
  return plain
    .split(/[^A-Z0-9]+/u)
    .filter((word) => word !== '')
    .toSorted()
    .join(' ');
}
