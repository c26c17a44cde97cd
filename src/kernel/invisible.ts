/**
 * Signs that are drawn as nothing: fillers that count as letters, joiners, marks of direction. Two texts that differ
 * in them alone look the same to everybody, so no comparison may tell them apart.
 */

const INVISIBLE = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu;

/** Persian and the scripts of India write names with these two, so they are no sign of anything. */
const WRITTEN = /^(?:[\u200C\u200D]|(?!\p{Cf})\P{Default_Ignorable_Code_Point})*$/u;

/** What whoever sends a name with such a sign is told. */
export const INVISIBLE_REFUSED = 'must not hold signs that nobody can see';

/** A text as it is seen. */
export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** Whether all of a text can be seen, but for the joiners that some scripts are written with. */
export function isVisible(text: string): boolean {
  return WRITTEN.test(text);
}
