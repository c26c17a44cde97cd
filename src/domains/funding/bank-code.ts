/**
 * Numbers of bank accounts and codes of banks, as they come in. Check digits, length and structure of the
 * country are held to; whether a bank of that code has such an account is not known here.
 * @source ISO 13616-1 (territories that share a country's IBAN), ISO 9362
 */
import { z } from '@hono/zod-openapi';
import { electronicFormatIBAN, isValidBIC, isValidIBAN } from 'ibantools';

/** An IBAN, however it is spaced; parsed to its electronic form. */
export const ibanInput = z
  .string()
  .max(64)
  .transform((text) => electronicFormatIBAN(text) ?? '')
  .refine((iban) => isValidIBAN(iban), 'must be an IBAN with valid check digits')
  .openapi({ type: 'string', maxLength: 64, example: 'MU17 BOMM 0101 1010 3030 0200 000M UR' });

/** A BIC in capitals. */
export const bicInput = z
  .string()
  .max(11)
  .transform((text) => text.toUpperCase())
  .refine((bic) => isValidBIC(bic), 'must be a BIC of 8 or 11 characters')
  .openapi({ type: 'string', maxLength: 11, example: 'BOMMMUPL' });

/** Territories whose banks have a BIC country of their own and the IBAN of another. */
const SHARED_IBAN: Readonly<Record<string, readonly string[]>> = {
  FR: ['BL', 'GF', 'GP', 'MF', 'MQ', 'NC', 'PF', 'PM', 'RE', 'TF', 'WF', 'YT'],
  GB: ['GG', 'IM', 'JE'],
  FI: ['AX'],
};

/** Whether a bank of this code can keep an account of this number, both in their electronic form. */
export function bicFitsIban(bic: string, iban: string): boolean {
  const [ibanCountry, bicCountry] = [iban.slice(0, 2), bic.slice(4, 6)];
  return ibanCountry === bicCountry || (SHARED_IBAN[ibanCountry]?.includes(bicCountry) ?? false);
}
