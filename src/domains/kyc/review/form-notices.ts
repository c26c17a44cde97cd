/**
 * Holds what is declared in forms of their own against the rest of an application. Pure; a difference is a notice,
 * not a fault.
 */
import type { DeclarationInput } from '../api.ts';
import type { CompanyInput } from '../applications/company.ts';
import type { Forms } from '../applications/forms-of.ts';
import { isOfTrust, type PartyFacts } from '../applications/party-rules.ts';

type FormNotice =
  | 'pep_declared_and_denied'
  | 'us_indicia_contradict'
  | 'tax_residence_differs'
  | 'ownership_dispersed'
  | 'ownership_in_trust'
  | 'owner_listed';

/** @shape in a fixed order, each once */
export function formNotices(
  forms: Forms,
  declaration: DeclarationInput,
  company: CompanyInput | null,
  parties: readonly Pick<PartyFacts, 'role' | 'isListed'>[],
): readonly FormNotice[] {
  const taxed = company === null ? [declaration.taxResidence] : company.taxResidences;
  const certified = forms.tax_residence?.residences.map(({ country }) => country);
  const ties =
    company === null
      ? [declaration.nationality, declaration.address.country]
      : [company.country, company.registeredAddress.country];
  const isAmerican = [...ties, ...taxed, ...(certified ?? [])].includes('USA');
  const notices: readonly (readonly [FormNotice, boolean])[] = [
    ['pep_declared_and_denied', forms.pep !== undefined && !declaration.politicallyExposed],
    ['us_indicia_contradict', isAmerican && forms.fatca_crs?.usPerson === false],
    ['tax_residence_differs', certified !== undefined && !isSameSet(certified, taxed)],
    ['ownership_dispersed', forms.beneficial_owner?.dispersed === true],
    [
      'ownership_in_trust',
      forms.beneficial_owner?.trust !== undefined || parties.some(({ role }) => isOfTrust(role)),
    ],
    ['owner_listed', parties.some(({ isListed }) => isListed === true)],
  ];
  return notices.filter(([, holds]) => holds).map(([code]) => code);
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return new Set(left).symmetricDifference(new Set(right)).size === 0;
}
