import type { GoamlSettings } from '../../../../platform/http/goaml.ts';

type CodeList = Exclude<keyof NonNullable<GoamlSettings['codes']>, 'indicator'>;

/** Codes that come with the program, for lists that every country fills itself: a firm sets those of its FIU. */
const BUILT_IN: Readonly<Record<CodeList, Readonly<Record<string, string>>>> = {
  transmode: { deposit: 'D', withdrawal_requested: 'W', transfer: 'T' },
  funds: { cash: 'K', electronic: 'E', crypto: 'V' },
  accountType: { person: 'A', entity: 'B' },
  accountStatus: { active: 'A', frozen: 'F', suspended: 'S', closed: 'C' },
  addressType: { home: 'P', business: 'B' },
  contactType: { private: 'P' },
  communicationType: { mobile: 'M' },
  identifierType: { passport: 'P', national_id: 'N', driving_licence: 'D', residence_permit: 'R' },
  role: { holder: 'A' },
};

/** The code of a country's list for a word of ours; empty where there is none, which the checker tells of. */
export function goamlCode(settings: GoamlSettings, list: CodeList, word: string): string {
  return settings.codes?.[list]?.[word] ?? BUILT_IN[list][word] ?? '';
}

/** The indicators a firm may give; null where it listed none. */
export function knownIndicators({ codes }: GoamlSettings): ReadonlySet<string> | null {
  return codes?.indicator === undefined ? null : new Set(Object.values(codes.indicator));
}
