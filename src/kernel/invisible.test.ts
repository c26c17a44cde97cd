import { describe, expect, test } from 'bun:test';
import { isVisible, withoutInvisible } from './invisible.ts';

/** Fillers of Hangul, wide and half-width, a joiner of graphemes, soft hyphen, direction, selector, tag, zero width. */
const NOTHING = [
  0x115f, 0x1160, 0x3164, 0xffa0, 0x034f, 0x00ad, 0x202e, 0xfe0f, 0xe0041, 0x200b, 0x17b4, 0x180e,
].map((point) => String.fromCodePoint(point));

describe('what is drawn as nothing', () => {
  test.each(NOTHING)('%j is taken out and is not visible', (sign) => {
    expect(withoutInvisible(`O${sign}sama${sign}`)).toBe('Osama');
    expect(isVisible(`O${sign}sama`)).toBe(false);
  });

  test('leaves every letter, mark and sign that is drawn', () => {
    for (const name of ['Nicolás Ōé', 'علی', '박지성', "O'Brien-Smith, Jr.", 'Ångström 2', '']) {
      expect([withoutInvisible(name), isVisible(name)]).toEqual([name, true]);
    }
  });

  test('knows the joiners that Persian and Sinhala are written with, which change no comparison', () => {
    for (const name of ['نی\u200Cا', 'ශ්\u200Dරී']) {
      expect(isVisible(name)).toBe(true);
      expect(withoutInvisible(name)).not.toBe(name);
    }
  });
});
