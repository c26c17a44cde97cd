import { iso31661 } from 'iso-3166';

/** Spellings that OFAC, UN and UK records use and ISO 3166 does not. */
const otherSpellings: Readonly<Record<string, string>> = {
  bolivia: 'BO',
  'bosnia-herzegovina': 'BA',
  britain: 'GB',
  brunei: 'BN',
  burma: 'MM',
  'cape verde': 'CV',
  'central african republic': 'CF',
  'congo, democratic republic of the': 'CD',
  'congo, republic of the': 'CG',
  'cote d ivoire': 'CI',
  'czech republic': 'CZ',
  'democratic people s republic of korea': 'KP',
  'democratic republic of the congo': 'CD',
  dprk: 'KP',
  'east timor': 'TL',
  'hong kong': 'HK',
  iran: 'IR',
  'iran, islamic republic of': 'IR',
  'islamic republic of iran': 'IR',
  'ivory coast': 'CI',
  'korea, north': 'KP',
  'korea, south': 'KR',
  kosovo: 'XK',
  laos: 'LA',
  libya: 'LY',
  'libyan arab jamahiriya': 'LY',
  macau: 'MO',
  macedonia: 'MK',
  moldova: 'MD',
  'north korea': 'KP',
  palestine: 'PS',
  palestinian: 'PS',
  'republic of the congo': 'CG',
  russia: 'RU',
  'south korea': 'KR',
  swaziland: 'SZ',
  syria: 'SY',
  taiwan: 'TW',
  tanzania: 'TZ',
  'the gambia': 'GM',
  turkey: 'TR',
  uk: 'GB',
  'united kingdom': 'GB',
  'united states': 'US',
  usa: 'US',
  venezuela: 'VE',
  vietnam: 'VN',
  'viet nam': 'VN',
};

const byName = new Map<string, string>();
for (const entry of iso31661) {
  byName.set(countryKey(entry.name), entry.alpha2);
  byName.set(entry.alpha3.toLowerCase(), entry.alpha2);
  byName.set(entry.alpha2.toLowerCase(), entry.alpha2);
}
for (const [name, code] of Object.entries(otherSpellings)) {
  byName.set(countryKey(name), code);
}

/**
 * Finds the country a publisher names.
 * @shape ISO 3166-1 alpha-2 in capitals (XK for Kosovo), or undefined when the text names no country
 */
export function countryCode(text: string): string | undefined {
  return byName.get(countryKey(text));
}

function countryKey(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\(.*?\)/gu, ' ')
    .replace(/[^a-z]+/gu, ' ')
    .trim();
}
