/**
 * The one shape every list format is read into. Values are plain JSON, so that an entity can be stored,
 * compared and hashed; nothing here knows which screening algorithm will read it.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../../../kernel/canonical-json.ts';

export type EntityKind = 'person' | 'organisation' | 'vessel' | 'aircraft' | 'unknown';

export type NameType = 'primary' | 'alias' | 'weak_alias';

export type EntityName = {
  readonly name: string;
  readonly type: NameType;
  readonly script?: string;
};

export type EntityGender = 'male' | 'female';

export type EntityIdentifier = {
  readonly type: string;
  readonly number: string;
  readonly country?: string;
};

/** Why somebody is on a list. */
export type ListPurpose = 'sanctions' | 'pep' | 'adverse_media' | 'internal';

export type ListEntity = {
  readonly sourceId: string;
  readonly kind: EntityKind;
  readonly names: readonly EntityName[];
  readonly birthDates: readonly string[];
  readonly countries: readonly string[];
  readonly genders: readonly EntityGender[];
  readonly identifiers: readonly EntityIdentifier[];
  readonly programs: readonly string[];
  readonly remarks: string;
  readonly raw: Json;
  /** Where a list mixes purposes, this entry's; else the list's own. */
  readonly purpose?: ListPurpose;
};

/**
 * Digest of everything a publisher says about an entity: evidence of the state somebody was compared with.
 * @shape lowercase hex, 64 characters
 * @source SHA-256 over RFC 8785 JSON
 */
export function entityHash(entity: ListEntity): string {
  return createHash('sha256').update(canonicalJson(entity)).digest('hex');
}

/**
 * Digest of what a comparison reads of an entity: a whitelist entry is bound to it and reopens when it changes,
 * which another remark or another layout of the publisher's record does not do.
 * @shape lowercase hex, 64 characters
 * @source SHA-256 over RFC 8785 JSON
 */
export function screeningHash(entity: ListEntity): string {
  const { kind, names, birthDates, countries, genders, identifiers, programs, purpose } = entity;
  const read = { kind, names, birthDates, countries, genders, identifiers, programs };
  return createHash('sha256')
    .update(canonicalJson(purpose === undefined ? read : { ...read, purpose }))
    .digest('hex');
}

/** Keeps the first spelling of each name; the strongest type wins when a publisher repeats one. */
export function distinctNames(names: readonly EntityName[]): EntityName[] {
  const strength: Record<NameType, number> = { primary: 2, alias: 1, weak_alias: 0 };
  const kept = new Map<string, EntityName>();
  for (const candidate of names) {
    const name = candidate.name.replace(/\s+/gu, ' ').trim();
    if (name === '') {
      continue;
    }
    const previous = kept.get(name);
    if (previous === undefined || strength[candidate.type] > strength[previous.type]) {
      kept.set(name, { ...candidate, name });
    }
  }
  return [...kept.values()];
}

/** Values in first-seen order without repeats and blanks. */
export function distinctValues<T extends string>(values: readonly T[]): T[] {
  return [...new Set(values.filter((value) => value.trim() !== ''))];
}
