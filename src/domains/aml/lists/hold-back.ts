/**
 * What stays in force of a list until a second person agreed. A file that came from no publisher's address may add to
 * a list at once. Entries it drops stay, and so does what it takes from an entry: dropping somebody's name or number
 * lets them off as surely as dropping the entry. Pure.
 */
import {
  distinctNames,
  distinctValues,
  type EntityIdentifier,
  type EntityName,
  type ListEntity,
  type ListPurpose,
} from './entity.ts';
import { type ReadEntity, readEntity } from './read-list.ts';

export type HeldBack = {
  /** The entries of the file with everything that stays. */
  readonly entities: readonly ReadEntity[];
  /** How many entries are not as the file has them. */
  readonly count: number;
};

/** Takes in a file and keeps what it dropped. @shape olds: what the version before has of changed and dropped entries */
export function holdBack(entities: readonly ReadEntity[], olds: ReadonlyMap<string, ListEntity>): HeldBack {
  let count = 0;
  const dropped = new Map(olds);
  const kept = entities.map((read) => {
    const old = olds.get(read.sourceId);
    dropped.delete(read.sourceId);
    if (old === undefined) {
      return read;
    }
    const entity = keepAll(old, JSON.parse(read.record) as ListEntity);
    count += entity === undefined ? 0 : 1;
    return entity === undefined ? read : readEntity(entity);
  });
  return {
    entities: [...kept, ...[...dropped.values()].map(readEntity)],
    count: count + dropped.size,
  };
}

/** The new entry with all that the old one had; undefined where the new one has it already. */
function keepAll(old: ListEntity, now: ListEntity): ListEntity | undefined {
  const { purpose: _theirs, ...said } = now;
  const merged: ListEntity = {
    ...said,
    kind: old.kind === now.kind ? now.kind : 'unknown',
    names: distinctNames([...now.names, ...old.names]),
    birthDates: distinctValues([...now.birthDates, ...old.birthDates]),
    countries: distinctValues([...now.countries, ...old.countries]),
    genders: distinctValues([...now.genders, ...old.genders]),
    identifiers: distinctIdentifiers([...now.identifiers, ...old.identifiers]),
    raw: { held: old.raw, file: now.raw },
    ...graver(old.purpose, now.purpose),
  };
  // A qualifier that was not there before can only lower a score.
  const eased: ListEntity = {
    ...merged,
    birthDates: old.birthDates.length === 0 ? [] : merged.birthDates,
    countries: old.countries.length === 0 ? [] : merged.countries,
    genders: old.genders.length === 0 ? [] : merged.genders,
  };
  if (sameContent(eased, now)) {
    return undefined;
  }
  return sameContent(eased, old) ? old : eased;
}

const GRAVITY: readonly (ListPurpose | undefined)[] = [
  'sanctions',
  'internal',
  undefined,
  'pep',
  'adverse_media',
];

function graver(one: ListPurpose | undefined, other: ListPurpose | undefined): { purpose?: ListPurpose } {
  const purpose = GRAVITY.indexOf(one) <= GRAVITY.indexOf(other) ? one : other;
  return purpose === undefined ? {} : { purpose };
}

/** Whether two states are the same to whoever is compared with them, in whatever order their values stand. */
function sameContent(one: ListEntity, other: ListEntity): boolean {
  return contentOf(one) === contentOf(other);
}

function contentOf(entity: ListEntity): string {
  const nameOf = ({ name, type }: EntityName): string => `${type} ${name}`;
  return JSON.stringify([
    entity.kind,
    entity.purpose ?? null,
    entity.names.map(nameOf).sort(),
    [...entity.birthDates].sort(),
    [...entity.countries].sort(),
    [...entity.genders].sort(),
    entity.identifiers.map(identifierText).sort(),
  ]);
}

function distinctIdentifiers(identifiers: readonly EntityIdentifier[]): EntityIdentifier[] {
  return [...new Map(identifiers.map((one) => [identifierText(one), one])).values()];
}

function identifierText({ type, number, country }: EntityIdentifier): string {
  return `${type} ${number} ${country ?? ''}`;
}
