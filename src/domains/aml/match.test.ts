import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { buildCandidateIndex, type CandidateIndex } from './candidate-index.ts';
import { screeningConfigDefault as config, type ScreeningConfig, screeningConfigHash } from './config.ts';
import type { EntityKind, ListEntity } from './lists/entity.ts';
import { compareNames, type ScreeningMatch, screenLists, screenName } from './match.ts';
import type { ScreeningSubject } from './score.ts';

function entity(
  sourceId: string,
  kind: EntityKind,
  name: string,
  more: Partial<ListEntity> = {},
): ListEntity {
  return {
    sourceId,
    kind,
    names: [{ name, type: 'primary' }],
    birthDates: [],
    countries: [],
    genders: [],
    identifiers: [],
    programs: [],
    remarks: '',
    raw: null,
    ...more,
  };
}

function indexOf(...entities: readonly ListEntity[]): CandidateIndex {
  return buildCandidateIndex(entities.map((one) => ({ key: one.sourceId, entity: one })));
}

function matchesOf(
  index: CandidateIndex,
  subject: ScreeningSubject,
  with_: ScreeningConfig = config,
): readonly ScreeningMatch[] {
  const result = screenName(index, subject, with_);
  return result.ok ? result.matches : [];
}

function topScore(index: CandidateIndex, subject: ScreeningSubject): number {
  const loose = { ...config, threshold: 0.2 };
  return matchesOf(index, subject, loose)[0]?.score ?? 0;
}

// 16692,"SECHIN, Igor","individual","UKRAINE-EO13661",... DOB 07 Sep 1960; nationality Russia; Gender Male
const sechin = entity('16692', 'person', 'SECHIN, Igor', {
  birthDates: ['1960-09-07'],
  countries: ['RU'],
  genders: ['male'],
  identifiers: [{ type: 'passport', number: 'A 1084010', country: 'RU' }],
});
// <FIRST_NAME>TAHIR</FIRST_NAME><SECOND_NAME>JALIL</SECOND_NAME><THIRD_NAME>HABBUSH</THIRD_NAME>
// <FOURTH_NAME>AL-TIKRITI</FOURTH_NAME> … <REFERENCE_NUMBER>IQi.016</REFERENCE_NUMBER>
const habbush = entity('IQi.016', 'person', 'TAHIR JALIL HABBUSH AL-TIKRITI');
// 17022,"ROSNEFT OIL COMPANY",-0- ,"UKRAINE-EO13662",…
const rosneft = entity('17022', 'organisation', 'ROSNEFT OIL COMPANY');
const index = indexOf(sechin, habbush, rosneft);

describe('screenName', () => {
  const found: readonly (readonly [string, string, EntityKind])[] = [
    ['Igor Sechin', '16692', 'person'],
    ['SECHIN IGOR', '16692', 'person'],
    ['Ihor Setschin', '16692', 'person'],
    ['Игорь Сечин', '16692', 'person'],
    ['Igor Ivanovich Sechin', '16692', 'person'],
    ['IgorSechin', '16692', 'person'],
    ['Igro Sechin', '16692', 'person'],
    ['JALIL HABBUSH AL-TIKRITI, TAHIR', 'IQi.016', 'person'],
    ['Tahir Jalil Habush Tikriti', 'IQi.016', 'person'],
    ['طاهر جليل حبوش التكريتي', 'IQi.016', 'person'],
    ['Rosneft Oil Co. Ltd', '17022', 'organisation'],
    ['PJSC Rosneft Oil Company', '17022', 'organisation'],
  ];
  for (const [name, key, kind] of found) {
    test(`finds ${key} under "${name}"`, () => {
      expect(matchesOf(index, { name, kind }).map((match) => match.key)).toEqual([key]);
    });
  }

  const notFound: readonly (readonly [string, EntityKind])[] = [
    ['Igor Petrov', 'person'],
    ['Igor', 'person'],
    ['Tahir Jalil Habbush al-Dulaimi', 'person'],
    ['Rosneft Oil Company', 'person'],
    ['Oil Company', 'organisation'],
    ['Z', 'person'],
  ];
  for (const [name, kind] of notFound) {
    test(`raises nothing for "${name}" as ${kind}`, () => {
      expect(matchesOf(index, { name, kind })).toEqual([]);
    });
  }

  test('refuses what is no name, with a code', () => {
    expect(screenName(index, { name: '😀', kind: 'person' }, config)).toEqual({
      ok: false,
      code: 'name_empty',
    });
  });

  test('gives the same answer to the same question', () => {
    const subject = { name: 'Igor Setchin', kind: 'person' } as const;
    expect(screenName(index, subject, config)).toEqual(screenName(index, subject, config));
  });

  test('explains a score in pieces that add up to it', () => {
    const subjects: readonly ScreeningSubject[] = [
      { name: 'Ihor Setschin', kind: 'person', birthDate: '1972-01-01', countries: ['FR'], gender: 'female' },
      { name: 'Tahir Habbush Tikriti Ahmad', kind: 'person' },
      { name: 'Igor Sechin Rosneft', kind: 'person', birthDate: '1960' },
    ];
    for (const subject of subjects) {
      const [match] = matchesOf(index, subject, { ...config, threshold: 0.2 });
      const sum = match?.features.reduce((total, feature) => total + feature.value * feature.weight, 0);
      expect(sum).toBeCloseTo(match?.score ?? -1, 2);
    }
  });

  test('lets birth date, country and gender move the score, and only after the name', () => {
    const name = 'Igor Setchin';
    const plain = topScore(index, { name, kind: 'person' });
    const born = topScore(index, { name, kind: 'person', birthDate: '1960-09-07' });
    const swapped = topScore(index, { name, kind: 'person', birthDate: '1960-07-09' });
    const younger = topScore(index, { name, kind: 'person', birthDate: '1985-01-02' });
    const foreign = topScore(index, { name, kind: 'person', countries: ['BR'] });
    const woman = topScore(index, { name, kind: 'person', gender: 'female' });
    expect(born).toBeGreaterThan(plain);
    expect(swapped).toBeGreaterThan(plain);
    expect(younger).toBeLessThan(plain);
    expect(foreign).toBeLessThan(plain);
    expect(woman).toBeLessThan(plain);
    expect(matchesOf(index, { name: 'Pedro Alvares', kind: 'person', birthDate: '1960-09-07' })).toEqual([]);
  });

  test('finds a shared passport under any name, and says so', () => {
    const subject: ScreeningSubject = {
      name: 'Pedro Alvares',
      kind: 'person',
      identifiers: [{ type: 'passport', number: 'a-1084010' }],
    };
    const [match] = matchesOf(index, subject);
    expect(match?.key).toBe('16692');
    expect(match?.features.map((feature) => feature.feature)).toContain('identifier');
  });

  test('does not take the same number of another country for the same passport', () => {
    const identifiers = [{ type: 'passport', number: 'A1084010', country: 'BR' }];
    expect(matchesOf(index, { name: 'Pedro Alvares', kind: 'person', identifiers })).toEqual([]);
  });

  test('takes a long number without a type for one of any, a short one or another type for none', () => {
    const listed = (type: string, number: string) =>
      indexOf(entity('1', 'person', 'GHORBANIYAN, Mohammad', { identifiers: [{ type, number }] }));
    const asked = (type: string, number: string): ScreeningSubject => ({
      name: 'Nobody Here',
      kind: 'person',
      identifiers: [{ type, number }],
    });
    expect(matchesOf(listed('other', 'AB-1084010'), asked('passport', 'AB1084010'))).toHaveLength(1);
    expect(matchesOf(listed('other', '12345'), asked('passport', '12345'))).toEqual([]);
    expect(matchesOf(listed('tax_id', 'AB1084010'), asked('passport', 'AB1084010'))).toEqual([]);
  });

  test('finds a crypto address exactly, in its own case', () => {
    // Digital Currency Address - XBT 1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V
    const address = '1AjZPMsnmpdK2Rv9KQNfMurTXinscVro9V';
    const listed = entity('1', 'person', 'GHORBANIYAN, Mohammad', {
      identifiers: [{ type: 'crypto_address:xbt', number: address }],
    });
    const crypto = indexOf(listed);
    const ask = (number: string): number =>
      matchesOf(crypto, {
        name: 'Nobody Here',
        kind: 'unknown',
        identifiers: [{ type: 'crypto_address:btc', number }],
      }).length;
    expect(ask(address)).toBe(1);
    expect(ask(address.toLowerCase())).toBe(0);
  });

  test('finds a segwit address in capitals, which is the same wallet', () => {
    const number = 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4';
    const listed = entity('1', 'unknown', 'GHORBANIYAN, Mohammad', {
      identifiers: [{ type: 'crypto_address:xbt', number }],
    });
    const identifiers = [{ type: 'crypto_address:btc', number: number.toUpperCase() }];
    const subject: ScreeningSubject = { name: 'Nobody Here', kind: 'unknown', identifiers };
    expect(matchesOf(indexOf(listed), subject)).toHaveLength(1);
  });

  test.each([
    ['tax', 'tax_id', 1],
    ['driving_licence', 'national_id', 1],
    ['driving_licence', 'driving_licence', 1],
    ['residence_permit', 'national_id', 1],
    ['driving_licence', 'other', 1],
    ['residence_permit', 'passport', 0],
    ['tax', 'registration', 0],
  ])('takes a %s and a %s of one number for the same: %i', (said, list, count) => {
    const listed = (type: string) =>
      indexOf(entity('1', 'organisation', 'Rosneft', { identifiers: [{ type, number: 'AB-1084010' }] }));
    const identifiers = [{ type: said, number: 'AB1084010' }];
    const subject: ScreeningSubject = { name: 'Nobody Here', kind: 'organisation', identifiers };
    expect(matchesOf(listed(list), subject)).toHaveLength(count);
  });

  test('scores a name with a sign after each letter that nobody sees as without', () => {
    for (const name of ['Igor Sechin', 'Игорь Сечин', 'طاهر جليل حبوش التكريتي', 'Rosneft Oil Co. Ltd']) {
      for (const sign of ['\u1160', '\u3164', '\uFFA0', '\u200D', '\u034F']) {
        const subject = { name: [...name].join(sign), kind: 'unknown' } as const;
        expect(matchesOf(index, subject)).toEqual(matchesOf(index, { name, kind: 'unknown' }));
      }
    }
    expect(matchesOf(index, { name: 'I\u1160gor S\u1160echin', kind: 'person' })).toHaveLength(1);
  });

  test('finds a name by its looks where letters of another script stand for Latin ones', () => {
    const disguised = [
      '\u0406g\u043Er Sechin',
      'Ig\u03BFr \u0405\u0415\u0421HIN',
      '\u0406G\u041ER S\u0415\u0421\u041DIN',
    ];
    for (const name of disguised) {
      expect(matchesOf(index, { name, kind: 'person' }).map(({ key }) => key)).toEqual(['16692']);
    }
  });

  test('finds everybody of one name, however many they are', () => {
    const namesakes = Array.from({ length: 400 }, (_unused, at) => entity(`w${at}`, 'person', 'WANG, Wei'));
    const [result, nearly] = ['Wang Wei', 'WangWei'].map((name) =>
      screenName(indexOf(...namesakes), { name, kind: 'person' }, config),
    );
    expect(result).toMatchObject({ ok: true, truncated: false });
    expect(result?.ok === true ? result.matches.length : 0).toBe(400);
    expect(nearly?.ok === true && nearly.matches.length > 0).toBe(true);
  });

  test('gives one match per entity, from its best name', () => {
    const aliased = entity('1', 'person', 'BADEGE, Eric', {
      names: [
        { name: 'BADEGE, Eric', type: 'primary' },
        { name: 'Erik Badege', type: 'alias' },
      ],
    });
    const matches = matchesOf(indexOf(aliased), { name: 'Erik Badege', kind: 'person' });
    expect(matches.map((match) => [match.matchedName, match.score])).toEqual([['Erik Badege', 1]]);
  });

  test('orders equal scores by evidence, then by the kind of name, then by key', () => {
    const tied = indexOf(
      entity('c', 'person', 'KONY, Joseph'),
      entity('b', 'person', 'KONY, Joseph', { names: [{ name: 'KONY, Joseph', type: 'alias' }] }),
      entity('a', 'person', 'KONY, Joseph'),
    );
    expect(matchesOf(tied, { name: 'Joseph Kony', kind: 'person' }).map((match) => match.key)).toEqual([
      'a',
      'c',
      'b',
    ]);
  });

  test('scores a record alike whatever list or list size it comes from', () => {
    const crowd = Array.from({ length: 50 }, (_unused, at) =>
      entity(`x${at}`, 'person', `SECHIN, Person${at}`),
    );
    const subject = { name: 'Ihor Setschin', kind: 'person' } as const;
    const alone = matchesOf(indexOf(sechin), subject)[0]?.score;
    expect(matchesOf(indexOf(...crowd, sechin), subject)[0]?.score).toBe(alone ?? -1);
  });

  test('indexes an alias that is a paragraph of spellings by its pieces', () => {
    // UN QDe.137 carries one alias of more than 500 characters.
    const spellings = Array.from({ length: 30 }, (_unused, at) => `Assembly number ${at} for the Liberation`);
    const long = entity('QDe.137', 'organisation', `Hay'at Tahrir al-Sham (HTS) (${spellings.join('; ')})`);
    const built = indexOf(long);
    expect(built.unreadable).toEqual([]);
    expect(matchesOf(built, { name: 'Hayat Tahrir al-Sham', kind: 'organisation' })).toHaveLength(1);
  });

  test('reports a listed name it cannot read instead of dropping it silently', () => {
    expect(indexOf(entity('1', 'person', '???')).unreadable).toEqual([{ key: '1', name: '???' }]);
  });

  test('answers at once for an empty index', () => {
    expect(matchesOf(indexOf(), { name: 'Igor Sechin', kind: 'unknown' })).toEqual([]);
  });
});

describe('screenLists', () => {
  const crowd = Array.from({ length: 300 }, (_unused, at) => entity(`p${at}`, 'person', 'WANG, Wei'));
  const listed = entity('s', 'person', 'WANG, Wei', { birthDates: ['1970-05-05'] });
  const subject = { name: 'Wang Wei', kind: 'person', birthDate: '1970-05-05' } as const;

  test('finds who stops beside any crowd that only asks for a look, each once', () => {
    const both = { stopping: indexOf(listed), reviewing: indexOf(...crowd), found: indexOf(listed) };
    const result = screenLists(both, subject, config);
    expect(result).toMatchObject({ ok: true, truncated: false });
    const keys = result.ok ? result.matches.map(({ key }) => key) : [];
    expect(keys).toHaveLength(301);
    expect(keys.filter((key) => key === 's')).toHaveLength(1);
  });

  test('keeps what was found already, whatever the lists come to', () => {
    const lists = { stopping: indexOf(rosneft), reviewing: indexOf(), found: indexOf(listed) };
    expect(screenLists(lists, subject, config)).toMatchObject({ ok: true, matches: [{ key: 's' }] });
  });

  test('refuses what is no name as each list does', () => {
    const lists = { stopping: indexOf(), reviewing: indexOf(listed) };
    expect(screenLists(lists, { name: '?', kind: 'person' }, config)).toMatchObject({ ok: false });
  });
});

describe('compareNames', () => {
  const kinds: readonly EntityKind[] = ['person', 'organisation', 'vessel', 'unknown'];
  const words = fc.constantFrom(
    ...'Muhammad Ali bin al Abd Rahman Kim Jong Il Li Wei José García Иван محمد 김 Bank Trading LLC 44 Jean-Marie O’Neil X.'.split(
      ' ',
    ),
  );
  const names = fc.oneof(
    fc.array(words, { maxLength: 8 }).map((parts) => parts.join(' ')),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
  );

  test('stays within 0 and 1 and never throws, for any two texts', () => {
    fc.assert(
      fc.property(names, names, fc.constantFrom(...kinds), (left, right, kind) => {
        const { score } = compareNames(left, right, kind, config);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }),
      { numRuns: 3000 },
    );
  });

  test('gives every readable name a full score against itself', () => {
    fc.assert(
      fc.property(names, fc.constantFrom(...kinds), (name, kind) => {
        const { score, alignment } = compareNames(name, name, kind, config);
        expect(alignment === undefined || score > 0.97).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('depends little on which name is the query, and not at all when none has more words', () => {
    fc.assert(
      fc.property(names, names, fc.constantFrom(...kinds), (left, right, kind) => {
        const one = compareNames(left, right, kind, config).score;
        const other = compareNames(right, left, kind, config).score;
        // Missing words weigh more on the list's side, where they mean that the customer has less in common.
        expect(Math.abs(one - other)).toBeLessThan(0.35);
      }),
      { numRuns: 2000 },
    );
    expect(compareNames('Igor Setchin', 'Igor Sechin', 'person', config).score).toBe(
      compareNames('Igor Sechin', 'Igor Setchin', 'person', config).score,
    );
  });

  test('keeps father and son apart', () => {
    const { score } = compareNames(
      'Salman bin Muhammad al-Rawi',
      'Muhammad bin Salman al-Rawi',
      'person',
      config,
    );
    expect(score).toBeLessThan(config.threshold);
  });

  test('keeps Mario and Maria apart', () => {
    expect(compareNames('Mario Petrosyan', 'Maria Petrosyan', 'person', config).score).toBeLessThan(
      config.threshold,
    );
  });
});

describe('screeningConfigHash', () => {
  test('changes with any number and not with the order of members', () => {
    const { version, ...rest } = config;
    expect(screeningConfigHash({ ...rest, version })).toBe(screeningConfigHash(config));
    expect(screeningConfigHash({ ...config, threshold: 0.71 })).not.toBe(screeningConfigHash(config));
  });
});
