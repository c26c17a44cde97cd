/**
 * Which kinds of numbers may be the same number: customers, publishers and reviewers call one document by several
 * names. Pure.
 */

/** What lists call it, by what else it is called. Lists know no licence and no permit but as an identity document. */
const FAMILY_OF: ReadonlyMap<string, string> = new Map([
  ['tax', 'tax_id'],
  ['tax_number', 'tax_id'],
  ['driving_licence', 'national_id'],
  ['residence_permit', 'national_id'],
  ['id_card', 'national_id'],
  ['company_number', 'registration'],
]);

const CRYPTO = 'crypto_address';

/** Of a number that a publisher gives without saying of what. */
export const UNTYPED = 'other';

/** The kind of number as lists call it; of a wallet's address whatever its chain. */
export function identifierFamily(type: string): string {
  return type.startsWith(CRYPTO) ? CRYPTO : (FAMILY_OF.get(type) ?? type);
}

/**
 * A wallet's address as it is compared: base58 depends on its case, hexadecimal and bech32 do not, and both may be
 * written in capitals.
 * @source BIP 173, EIP-55
 */
export function comparableAddress(address: string): string {
  const trimmed = address.trim();
  const isHexadecimal = /^0x[0-9a-fA-F]{40}$/iu.test(trimmed);
  const lower = trimmed.toLowerCase();
  const isBech32 =
    /^[a-z]{1,10}1[02-9ac-hj-np-z]{8,}$/u.test(lower) &&
    (trimmed === lower || trimmed === trimmed.toUpperCase());
  return isHexadecimal || isBech32 ? lower : trimmed;
}
