import type { EntityKind } from './lists/entity.ts';
import { type ParsedName, readName } from './names.ts';

/**
 * The names in one name of a list: a publisher sometimes puts a whole paragraph of spellings into one alias.
 * @shape none where nobody can be compared with it
 */
export function readListed(text: string, kind: EntityKind): readonly ParsedName[] {
  const whole = readName(text, kind);
  if (whole.ok) {
    return [whole.name];
  }
  return text.split(/[;()\n]/u).flatMap((piece) => {
    const reading = readName(piece, kind);
    return reading.ok ? [reading.name] : [];
  });
}

/** Whether anybody can be compared with a name of a list. */
export function isReadable(text: string, kind: EntityKind): boolean {
  return readListed(text, kind).length > 0;
}
