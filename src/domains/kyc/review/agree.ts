import anyAscii from 'any-ascii';

type Value = { readonly source: string; readonly value: string };

/** Things that each document or party says of itself; two of them need not agree. */
const OF_ONE: ReadonlySet<string> = new Set([
  'documentNumber',
  'issuingCountry',
  'expiresOn',
  'partyName',
  'partyRole',
  'partyShare',
  'partyBirthDate',
  'partyNationality',
  'partyAddress',
]);

/** Whether all that is said of one thing is the same, apart from accents, case, order of words and signs. */
export function agreeOn(field: string, values: readonly Value[]): boolean {
  if (!OF_ONE.has(field)) {
    return new Set(values.map(({ value }) => comparable(field, value))).size <= 1;
  }
  // The last word of a source is its document or party.
  const owners = Map.groupBy(values, ({ source }) => source.split(' ').at(-1));
  return [...owners.values()].every(
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
