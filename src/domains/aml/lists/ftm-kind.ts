import type { EntityKind } from './entity.ts';

const KINDS: Readonly<Record<string, EntityKind>> = {
  Person: 'person',
  Organization: 'organisation',
  Company: 'organisation',
  PublicBody: 'organisation',
  Vessel: 'vessel',
  Airplane: 'aircraft',
};

/** The kind of a FollowTheMoney schema; a `LegalEntity` may be a person or a company. */
export function ftmKind(schema: string): EntityKind {
  return KINDS[schema] ?? 'unknown';
}
