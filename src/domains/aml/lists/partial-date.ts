const months: Readonly<Record<string, string>> = {
  jan: '01',
  feb: '02',
  mar: '03',
  apr: '04',
  may: '05',
  jun: '06',
  jul: '07',
  aug: '08',
  sep: '09',
  oct: '10',
  nov: '11',
  dec: '12',
};

/** Years a "between" birth date is expanded to at most; a wider range says too little to help a match. */
const rangeYearsMax = 15;

/**
 * Reads the date spellings of OFAC and UN records ("19 Jun 1951", "Jun 1951", "circa 1958", "1951-06-19",
 * "1956 to 1958").
 * @shape 'YYYY' | 'YYYY-MM' | 'YYYY-MM-DD'; several for a range; none when nothing can be read
 */
export function partialDates(text: string): string[] {
  const clean = text
    .trim()
    .replace(/^(?:circa|approximately|approx\.?|c\.)\s+/iu, '')
    .replace(/\.$/u, '');
  const range =
    /^(?:.*?\s)?(\d{4})\s*(?:to|-|–)\s*(?:circa\s+)?(?:\d{1,2}\s+)?(?:[A-Za-z]{3,9}\s+)?(\d{4})$/u.exec(
      clean,
    );
  if (range !== null) {
    return yearsBetween(range[1] ?? '', range[2] ?? '');
  }
  const one = partialDate(clean);
  return one === undefined ? [] : [one];
}

/** Every year of an inclusive range, or none when it is reversed or wider than the bound. */
export function yearsBetween(from: string, to: string): string[] {
  const first = Number.parseInt(from, 10);
  const last = Number.parseInt(to, 10);
  if (!Number.isInteger(first) || !Number.isInteger(last) || last < first || last - first > rangeYearsMax) {
    return [];
  }
  return Array.from({ length: last - first + 1 }, (_unused, offset) => String(first + offset));
}

function partialDate(text: string): string | undefined {
  const iso = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:T.*)?$/u.exec(text);
  if (iso !== null) {
    return assemble(iso[1] ?? '', iso[2], iso[3]);
  }
  const worded = /^(?:(\d{1,2})\s+)?([A-Za-z]{3})[A-Za-z]*\.?,?\s+(\d{4})$/u.exec(text);
  if (worded !== null) {
    const month = months[(worded[2] ?? '').toLowerCase()];
    return month === undefined ? undefined : assemble(worded[3] ?? '', month, worded[1]?.padStart(2, '0'));
  }
  return undefined;
}

function assemble(year: string, month: string | undefined, day: string | undefined): string | undefined {
  const monthNumber = month === undefined ? 1 : Number.parseInt(month, 10);
  const dayNumber = day === undefined ? 1 : Number.parseInt(day, 10);
  if (monthNumber < 1 || monthNumber > 12 || dayNumber < 1 || dayNumber > 31) {
    return year;
  }
  return [year, month, month === undefined ? undefined : day].filter((part) => part !== undefined).join('-');
}
