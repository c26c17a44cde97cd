import { describe, expect, test } from 'bun:test';
import { isGuessedPassword } from './guessed-passwords.ts';
import { commonPasswords } from './password-list.ts';

const common = await commonPasswords();
const OWNER = ['Lagoon Securities', 'anjali.r@example.mu', 'Anjali', 'Ramgoolam'];
const isGuessed = (password: string, words: readonly string[] = OWNER) =>
  isGuessedPassword(password, { common, words });

describe('a password is guessed', () => {
  test.each([
    ['listed', ['1qaz2wsx3edc', 'MOTHERFUCKER', 'correcthorsebatterystaple', '1q2w3e4r5t6y7u']],
    ['a listed word with a tail', ['password12345', 'Sunshine1234!!!', 'Mauritius2026!', 'dragon!!202611']],
    ['a listed word with a head', ['2026!Sunshine', '12345password', '***football***']],
    ['a listed word said again', ['dragondragon', 'Letmeinletmein!', 'trustno1trustno1', 'secret1secret1']],
    ['a listed word in digits', ['P@ssw0rd1234', 'm4ur1t1us2026', '5un5h1n3!!!!', 'Pa$$w0rd!2026']],
    ['a short part repeated', ['abcabcabcabc', 'abcdabcdabcdabcd', '123412341234', 'aaaaaaaaaaaaaa']],
    ['a row of keys', ['asdfghjklzxcvbn', '123456789012', 'gfdsapoiuytr', 'abcdefghijklm', '098765432109']],
    ['made of the firm', ['LagoonSecurities', 'lagoon2026!!', 'securitieslagoon1', 'Plimsoll2026!']],
    [
      'made of its owner',
      ['AnjaliRamgoolam', 'ramgoolam1990!', 'anjali@example', '!anjalianjali1', 'example.mu12'],
    ],
  ])('that is %s', (_title, passwords) => {
    for (const password of passwords) {
      expect([password, isGuessed(password)]).toEqual([password, true]);
    }
  });

  test.each([
    'seven quiet otters in the reeds',
    'kX9#mQ2$vL7!pR',
    'wandelröschen am deich',
    'lagoon otters at dusk',
  ])('but not when it is %s', (password) => {
    expect(isGuessed(password)).toBe(false);
  });

  test('whichever of the three thousand most common it is, padded to the shortest allowed in any usual way', () => {
    const top = [...common].filter((word) => word.length >= 4 && word.length < 12).slice(0, 3_000);
    const padded = (tail: string) => (word: string) => word + tail.slice(0, 12 - word.length);
    const ways = [
      padded('12345678'),
      padded('!!!!!!!!'),
      padded('2026!202'),
      (word: string) => `${'12345678'.slice(0, 12 - word.length)}${word}`,
      (word: string) => word[0]?.toUpperCase() + padded('1!1!1!1!')(word).slice(1),
    ];
    const missed = ways.flatMap((way) => top.map(way).filter((password) => !isGuessed(password)));
    expect(top).toHaveLength(3_000);
    expect(missed).toEqual([]);
  });
});

test('a word of one or two letters forbids nothing', () => {
  expect(isGuessed('lilacs and rye', ['Li', 'a@b.mu', ''])).toBe(false);
});
