import type { Instant } from '../../../kernel/time.ts';
import type { DeclarationInput } from '../api.ts';
import { dayOf, isSameName } from '../rules.ts';
import type { ProviderDecision } from './kyc-provider.ts';

/** What a reviewer should look at in a provider's answer; codes only, in a fixed order. */
export function findingsOf(
  { status, claims, warnings }: ProviderDecision,
  declared: DeclarationInput | null,
  now: Instant,
): readonly string[] {
  const { firstName, lastName, birthDate, nationality, expiresOn } = claims;
  const named = firstName !== undefined && lastName !== undefined;
  const found: readonly (readonly [string, boolean])[] = [
    ['status_unknown', status === 'unknown'],
    ['name_differs', named && declared !== null && !isSameName({ firstName, lastName }, declared)],
    ['birth_date_differs', birthDate !== undefined && declared !== null && birthDate !== declared.birthDate],
    [
      'nationality_differs',
      nationality !== undefined && declared !== null && nationality !== declared.nationality,
    ],
    ['document_expired', expiresOn !== undefined && expiresOn < dayOf(now)],
  ];
  return [...found.filter(([, holds]) => holds).map(([code]) => code), ...warnings];
}
