import type { Ctx } from '../../platform/context.ts';
import type { PersonName } from '../identity/index.ts';
import type { CompanyInput, PartyDetailsInput } from './applications/company.ts';
import { comparableNumber, comparablePerson } from './rules.ts';

/** What finds somebody behind a legal person again: as people are found, or as companies are. */
export function partyIndexOf(ctx: Ctx, { person, organisation }: PartyDetailsInput): Uint8Array | null {
  if (person !== undefined) {
    return personIndexOf(ctx, person);
  }
  const { country, registrationNumber } = organisation ?? {};
  return country === undefined || registrationNumber === undefined
    ? null
    : companyIndexOf(ctx, { country, registrationNumber });
}

/** What finds the same person again, under whatever login. */
export function personIndexOf(ctx: Ctx, person: PersonName & { readonly birthDate: string }): Uint8Array {
  const compared = comparablePerson(person, person.birthDate);
  return ctx.deps.keyring.blindIndex('kyc_applications.identity', compared);
}

/** What finds the same legal person again, under whatever login. */
export function companyIndexOf(
  ctx: Ctx,
  { country, registrationNumber }: Pick<CompanyInput, 'country' | 'registrationNumber'>,
): Uint8Array {
  const compared = `${country}\0${comparableNumber(registrationNumber)}`;
  return ctx.deps.keyring.blindIndex('kyc_applications.company', compared);
}
