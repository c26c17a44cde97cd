/**
 * Turns an alignment into a score that explains itself: the features' `value × weight` add up to the score
 * before it is limited to [0, 1]. Name first; birth date, country, gender and identifiers qualify it last.
 */
import { type Alignment, orderFactor } from './align.ts';
import type { ScreeningConfig } from './config.ts';
import { comparableAddress, identifierFamily, UNTYPED } from './identifier-family.ts';
import type { EntityGender, EntityIdentifier, EntityKind, ListEntity, NameType } from './lists/entity.ts';

export type ScreeningSubject = {
  readonly name: string;
  readonly kind: EntityKind;
  /** 'YYYY' | 'YYYY-MM' | 'YYYY-MM-DD' */
  readonly birthDate?: string;
  /** ISO 3166-1 alpha-2 in capitals */
  readonly countries?: readonly string[];
  readonly gender?: EntityGender;
  readonly identifiers?: readonly EntityIdentifier[];
};

export type FeatureName =
  | 'alignment'
  | 'conflict'
  | 'extra_in_query'
  | 'extra_in_list'
  | 'shortage'
  | 'word_order'
  | 'run_together'
  | 'weak_alias'
  | 'birth_date'
  | 'country'
  | 'gender'
  | 'identifier';

export type ScoreFeature = {
  readonly feature: FeatureName;
  readonly value: number;
  readonly weight: number;
  readonly detail: string;
};

export type ExplainedScore = { readonly score: number; readonly features: readonly ScoreFeature[] };

/** Score by name alone, as ranking needs it, without the explanation. */
export function nameScore(alignment: Alignment, type: NameType, config: ScreeningConfig): number {
  return alignment.score * (type === 'weak_alias' ? config.penalties.weakAlias : 1);
}

/**
 * Explains a name score and applies the qualifiers.
 * @shape score in [0, 1], rounded to 4 decimals
 */
export function explainScore(
  alignment: Alignment,
  type: NameType,
  subject: ScreeningSubject,
  entity: ListEntity,
  config: ScreeningConfig,
): ExplainedScore {
  const features = [
    ...nameFeatures(alignment, config),
    ...weakAliasFeature(alignment, type, config),
    ...birthDateFeature(subject, entity, config),
    ...countryFeature(subject, entity, config),
    ...genderFeature(subject, entity, config),
  ];
  features.push(...identifierFeature(subject, entity, sumOf(features), config));
  return { score: round(Math.min(1, Math.max(0, sumOf(features)))), features };
}

/** Identifiers that both sides carry, whatever their punctuation. */
export function sharedIdentifiers(
  left: readonly EntityIdentifier[],
  right: readonly EntityIdentifier[],
): EntityIdentifier[] {
  return left.filter((one) =>
    right.some(
      (other) =>
        identifierKey(one) !== '' &&
        identifierKey(one) === identifierKey(other) &&
        mayBeSameType(one, other) &&
        (one.country === undefined || other.country === undefined || one.country === other.country),
    ),
  );
}

/**
 * Where an identifier is looked up, whatever its type.
 * @shape empty when the number is too short to identify anyone
 */
export function identifierKey(identifier: EntityIdentifier): string {
  if (identifierFamily(identifier.type) === 'crypto_address') {
    return `crypto:${comparableAddress(identifier.number)}`;
  }
  const number = identifier.number
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^A-Z0-9]/gu, '');
  return number.length < 5 ? '' : `number:${number}`;
}

/** Some publishers give numbers without saying of what: a long one may be of anything. */
function mayBeSameType(left: EntityIdentifier, right: EntityIdentifier): boolean {
  const [one, other] = [identifierFamily(left.type), identifierFamily(right.type)];
  const isUntyped = one === UNTYPED || other === UNTYPED;
  return one === other || (isUntyped && left.number.length >= UNTYPED_LETTERS_MIN);
}

const UNTYPED_LETTERS_MIN = 7;

function sumOf(features: readonly ScoreFeature[]): number {
  return features.reduce((total, feature) => total + feature.value * feature.weight, 0);
}

function nameFeatures(alignment: Alignment, config: ScreeningConfig): ScoreFeature[] {
  const { penalties } = config;
  const { matched, quality, conflict, extraInQuery, extraInList, shortage } = alignment;
  const base = matched === 0 ? 0 : quality ** penalties.looseness;
  const lost =
    penalties.conflict * conflict +
    penalties.extraInQuery * extraInQuery +
    penalties.extraInList * extraInList +
    penalties.shortage * shortage;
  const unit = matched === 0 ? 0 : -base / (matched + lost);
  const aligned = base + unit * lost;
  const features: ScoreFeature[] = [
    { feature: 'alignment', value: round(base), weight: 1, detail: pairsDetail(alignment) },
  ];
  const losses = [
    ['conflict', conflict, penalties.conflict, 'words that differ on both sides'],
    ['extra_in_query', extraInQuery, penalties.extraInQuery, 'words only the subject has'],
    ['extra_in_list', extraInList, penalties.extraInList, 'words only the list has'],
    ['shortage', shortage, penalties.shortage, 'too little in common for a partial match'],
  ] as const;
  for (const [feature, value, penalty, detail] of losses) {
    if (value > 0 && base > 0) {
      features.push({ feature, value: round(value), weight: round(unit * penalty), detail });
    }
  }
  const factor = orderFactor(alignment, config);
  if (factor !== 1) {
    const detail = alignment.reversedFather ? 'father and son are swapped' : 'syllables out of order';
    features.push({ feature: 'word_order', value: 1, weight: round(aligned * (factor - 1)), detail });
  }
  const lifted = alignment.runTogether - aligned * factor;
  if (alignment.runTogether > 0 && lifted > 0) {
    const detail = 'the names agree when spaces are taken out';
    features.push({ feature: 'run_together', value: 1, weight: round(lifted), detail });
  }
  return features;
}

function pairsDetail(alignment: Alignment): string {
  return alignment.pairs
    .map((pair) => `${pair.query}=${pair.list} ${pair.relation} ${pair.similarity.toFixed(2)}`)
    .join('; ');
}

function weakAliasFeature(alignment: Alignment, type: NameType, config: ScreeningConfig): ScoreFeature[] {
  if (type !== 'weak_alias') {
    return [];
  }
  const weight = round(alignment.score * (config.penalties.weakAlias - 1));
  return [{ feature: 'weak_alias', value: 1, weight, detail: 'the publisher calls this alias weak' }];
}

function birthDateFeature(
  subject: ScreeningSubject,
  entity: ListEntity,
  config: ScreeningConfig,
): ScoreFeature[] {
  const { birthDate } = subject;
  if (birthDate === undefined || entity.birthDates.length === 0) {
    return [];
  }
  const { qualifiers } = config;
  const outcomes = entity.birthDates.map((listed) => compareDates(birthDate, listed));
  const detail = `${birthDate} against ${entity.birthDates.join(', ')}`;
  const feature = (weight: number): ScoreFeature[] => [{ feature: 'birth_date', value: 1, weight, detail }];
  if (outcomes.includes('equal')) {
    return feature(qualifiers.birthDateEqual);
  }
  if (outcomes.includes('consistent')) {
    return feature(qualifiers.birthYearEqual);
  }
  return feature(outcomes.includes('near') ? qualifiers.birthDateNear : qualifiers.birthDateDifferent);
}

type DateOutcome = 'equal' | 'consistent' | 'near' | 'different';

/** Lists swap day and month, and are a year or two off; beyond that it is somebody else. */
function compareDates(left: string, right: string): DateOutcome {
  if (left === right && left.length === 10) {
    return 'equal';
  }
  const length = Math.min(left.length, right.length);
  if (left.slice(0, length) === right.slice(0, length)) {
    return 'consistent';
  }
  const [leftYear = '', leftMonth = '', leftDay = ''] = left.split('-');
  const [rightYear = '', rightMonth = '', rightDay = ''] = right.split('-');
  if (leftYear === rightYear && leftMonth === rightDay && leftDay === rightMonth) {
    return 'consistent';
  }
  return Math.abs(Number.parseInt(leftYear, 10) - Number.parseInt(rightYear, 10)) <= 2 ? 'near' : 'different';
}

function countryFeature(
  subject: ScreeningSubject,
  entity: ListEntity,
  config: ScreeningConfig,
): ScoreFeature[] {
  const countries = subject.countries ?? [];
  if (countries.length === 0 || entity.countries.length === 0) {
    return [];
  }
  const shared = countries.filter((country) => entity.countries.includes(country.toUpperCase()));
  const weight = shared.length > 0 ? config.qualifiers.countryEqual : config.qualifiers.countryDifferent;
  return [
    {
      feature: 'country',
      value: 1,
      weight,
      detail: `${countries.join(', ')} against ${entity.countries.join(', ')}`,
    },
  ];
}

function genderFeature(
  subject: ScreeningSubject,
  entity: ListEntity,
  config: ScreeningConfig,
): ScoreFeature[] {
  const { gender } = subject;
  if (gender === undefined || entity.genders.length === 0 || entity.genders.includes(gender)) {
    return [];
  }
  const detail = `${gender} against ${entity.genders.join(', ')}`;
  return [{ feature: 'gender', value: 1, weight: config.qualifiers.genderDifferent, detail }];
}

function identifierFeature(
  subject: ScreeningSubject,
  entity: ListEntity,
  scoreSoFar: number,
  config: ScreeningConfig,
): ScoreFeature[] {
  const shared = sharedIdentifiers(subject.identifiers ?? [], entity.identifiers);
  if (shared.length === 0) {
    return [];
  }
  const { identifierEqual, identifierFloor } = config.qualifiers;
  const weight = round(Math.max(identifierEqual, identifierFloor - scoreSoFar));
  const detail = shared.map((identifier) => identifier.type).join(', ');
  return [{ feature: 'identifier', value: 1, weight, detail }];
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
