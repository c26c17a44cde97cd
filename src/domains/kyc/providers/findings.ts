import anyAscii from 'any-ascii';
import type { Instant } from '../../../kernel/time.ts';
import type { DeclarationInput } from '../api.ts';
import { dayOf } from '../rules.ts';
import type { ProviderClaims, ProviderDecision } from './kyc-provider.ts';

/** What a reviewer should look at in a provider's answer; codes only, in a fixed order, each once. */
export function findingsOf(
  { status, claims, warnings }: Pick<ProviderDecision, 'status' | 'claims' | 'warnings'>,
  declared: DeclarationInput | null,
  now: Instant,
): readonly string[] {
  const differs = (of: (claim: ProviderClaims, declared: DeclarationInput) => boolean) =>
    declared !== null && claims.some((claim) => of(claim, declared));
  const found: readonly (readonly [string, boolean])[] = [
    ['status_unknown', status === 'unknown'],
    ['name_differs', differs(isOtherName)],
    ['birth_date_differs', differs(({ birthDate }, said) => isOther(birthDate, said.birthDate))],
    ['nationality_differs', differs(({ nationality }, said) => isOther(nationality, said.nationality))],
    ['document_expired', claims.some(({ expiresOn }) => expiresOn !== undefined && expiresOn < dayOf(now))],
  ];
  return [...found.filter(([, holds]) => holds).map(([code]) => code), ...warnings];
}

/**
 * Whether it is another name, apart from accents, case, signs and order. Who declares may leave out further given
 * names that the document has.
 */
function isOtherName({ firstName, lastName }: ProviderClaims, declared: DeclarationInput): boolean {
  const [given, family] = [wordsOf(firstName), wordsOf(lastName)];
  const said = wordsOf(`${declared.firstName} ${declared.lastName}`);
  const all = [...given, ...family];
  if (given.length === 0 || family.length === 0) {
    return all.some((word) => !said.includes(word));
  }
  const left = said.reduce(without, all);
  return left.length !== all.length - said.length || left.some((word) => !given.slice(1).includes(word));
}

/** What is left when the word is taken out once. */
function without(words: readonly string[], word: string): readonly string[] {
  const at = words.indexOf(word);
  return at < 0 ? words : words.toSpliced(at, 1);
}

function wordsOf(name: string | undefined): readonly string[] {
  return anyAscii(name ?? '')
    .toUpperCase()
    .replace(/['’`]/gu, '')
    .split(/[^A-Z0-9]+/u)
    .filter((word) => word !== '');
}

function isOther(left: string | undefined, right: string): boolean {
  return left !== undefined && left !== right;
}
