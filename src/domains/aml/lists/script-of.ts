import type { EntityName, NameType } from './entity.ts';

const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  ['Arab', /\p{Script=Arabic}/u],
  ['Cyrl', /\p{Script=Cyrillic}/u],
  ['Hang', /\p{Script=Hangul}/u],
  ['Hira', /\p{Script=Hiragana}/u],
  ['Kana', /\p{Script=Katakana}/u],
  ['Hani', /\p{Script=Han}/u],
  ['Hebr', /\p{Script=Hebrew}/u],
  ['Grek', /\p{Script=Greek}/u],
  ['Latn', /\p{Script=Latin}/u],
];

/** @shape ISO 15924 code of the first known script found in a text, 'Zyyy' when there is none */
export function scriptOf(text: string): string {
  return SCRIPTS.find(([, pattern]) => pattern.test(text))?.[0] ?? 'Zyyy';
}

/** A name with its script, which goes without saying where it is Latin. */
export function nameWithScript(name: string, type: NameType): EntityName {
  const script = scriptOf(name);
  return script === 'Latn' || script === 'Zyyy' ? { name, type } : { name, type, script };
}
