import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { EntityKind } from './lists/entity.ts';
import { readingsOf, readName } from './names.ts';

function tokensOf(name: string, kind: EntityKind = 'person'): string {
  const reading = readName(name, kind);
  return reading.ok ? reading.name.strong.map((token) => token.text).join(' ') : reading.code;
}

describe('readName', () => {
  const readings: readonly (readonly [string, string, EntityKind])[] = [
    ['Nicolás MADURO', 'nicolas maduro', 'person'],
    ['PUTIN, Vladimir', 'vladimir putin', 'person'],
    ['HAKIM MURAD, ABDUL', 'abdhakim murad', 'person'],
    ["'ABD AL-RAHMAN", 'abdrahman', 'person'],
    ['Abdurrahman', 'abdrahman', 'person'],
    ['ABDEL RAHMAN', 'abdrahman', 'person'],
    ['ABUDL RAHMAN', 'abdrahman', 'person'],
    ['Abd Allah', 'abdullah', 'person'],
    ['Salah al-Din', 'salahdin', 'person'],
    ['SALAHUDDIN', 'salahdin', 'person'],
    ['Dr. Ayman AL-ZAWAHIRI', 'ayman zawahiri', 'person'],
    ['AL-SHAYKH, Muhammad', 'muhammad shaykh', 'person'],
    ['AlisherUsmanov', 'alisher usmanov', 'person'],
    ['Ig0r Sech1n', 'igor sechin', 'person'],
    ['Mus?ab Omar', 'musab omar', 'person'],
    ['Владимир Путин', 'vladimir putin', 'person'],
    ['习近平', 'xi jin ping', 'person'],
    ['박지성', 'bag ji seong', 'person'],
    ['J.P. Morgan', 'j p morgan', 'person'],
    ['L.X.C. Aviation', 'lxc aviation', 'organisation'],
    ['Smith & Sons', 'smith sons', 'organisation'],
    ['  A\u200Bli \u0007 Khan 😀 ', 'ali khan', 'person'],
    ['O\u1160sama\u115F b\u3164in La\uFFA0den', 'osama laden', 'person'],
    ['Igo\u034Fr\u00AD Se\u17B4chi\u{E0041}n', 'igor sechin', 'person'],
  ];
  for (const [name, tokens, kind] of readings) {
    test(`reads ${JSON.stringify(name)} as "${tokens}"`, () => {
      expect(tokensOf(name, kind)).toBe(tokens);
    });
  }

  test('reads legal forms of several languages as one weak word', () => {
    const symbols = [
      'Gazprom LLC',
      'Gazprom OOO',
      'Gazprom Limited Liability Company',
      'ООО Газпром',
      'Gazprom GmbH',
    ].map((name) => {
      const reading = readName(name, 'organisation');
      const form = reading.ok ? reading.name.tokens.find((token) => token.role === 'legal') : undefined;
      return `${form?.symbol} ${(form?.weight ?? 1) < 0.1}`;
    });
    expect(new Set(symbols)).toEqual(new Set(['^llc true']));
  });

  const refusals: readonly (readonly [string, string, string])[] = [
    ['nothing', '', 'name_empty'],
    ['emoji only', '😀🎉', 'name_empty'],
    ['control characters only', '\u0000\u0007\u001b', 'name_empty'],
    ['punctuation only', '.,;-', 'name_empty'],
    ['fillers only', '\u3164\u1160 \uFFA0', 'name_empty'],
    ['more than 500 characters', 'x'.repeat(501), 'name_too_long'],
    ['more than 40 words', 'a '.repeat(41), 'name_too_many_words'],
  ];
  for (const [what, name, code] of refusals) {
    test(`refuses ${what} with a code`, () => {
      expect(tokensOf(name)).toBe(code);
    });
  }

  test('reads any sign that is drawn as nothing as nothing, wherever it stands', () => {
    const signs = fc.constantFrom('\u1160', '\u115F', '\u3164', '\uFFA0', '\u200B', '\u2060', '\u{E0020}');
    const names = fc.constantFrom(
      'Osama bin Laden',
      'Владимир Путин',
      '박지성',
      'Nicolás MADURO',
      'محمد علي',
    );
    fc.assert(
      fc.property(names, fc.array(fc.tuple(fc.nat(30), signs), { maxLength: 40 }), (name, places) => {
        const letters = [...name];
        for (const [place, sign] of places) {
          letters.splice(place % (letters.length + 1), 0, sign);
        }
        expect(tokensOf(letters.join(''))).toBe(tokensOf(name));
      }),
    );
  });

  test.each([
    ['\u0412\u0410S\u041D\u0410R Assad', ['vasnar assad', 'bashar assad']],
    ['\u039Fs\u0430ma', ['osama', 'osama']],
    ['\u0425\u0410\u041C\u0410\u0405', ['khamadz', 'xamas']],
    ['Bashar Assad', ['bashar assad']],
    ['Владимир Путин', ['vladimir putin']],
    ['Владимир Putin', ['vladimir putin']],
  ])('reads %s by its sound and, where it mixes scripts, by its looks', (name, readings) => {
    const read = readingsOf(name, 'person').map((reading) =>
      reading.ok ? reading.name.strong.map(({ text }) => text).join(' ') : reading.code,
    );
    expect(read).toEqual(readings);
  });

  test('answers one letter and 300 characters', () => {
    expect(tokensOf('Z')).toBe('z');
    expect(readName('Muhammad Ali '.repeat(18), 'person').ok).toBe(true);
    expect(readName('x'.repeat(300), 'person').ok).toBe(true);
  });

  test('never throws and never gives more than its bounds, for any text', () => {
    const kinds: readonly EntityKind[] = ['person', 'organisation', 'vessel', 'aircraft', 'unknown'];
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), fc.constantFrom(...kinds), (text, kind) => {
        const reading = readName(text, kind);
        if (reading.ok) {
          expect(reading.name.strong.length).toBeGreaterThan(0);
          expect(reading.name.tokens.length).toBeLessThanOrEqual(40);
          expect(reading.name.weight).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
