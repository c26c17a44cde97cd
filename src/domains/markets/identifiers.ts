/** Numbers by which the world names a security; a mistyped one fails its check digit. Pure. */

const ISIN_PATTERN = /^[A-Z]{2}[A-Z0-9]{9}\d$/;
const CUSIP_PATTERN = /^[A-Z0-9*@#]{8}\d$/;

/** @source ISO 6166: letters count from 10, then the Luhn sum of the digits */
export function isIsin(text: string): boolean {
  if (!ISIN_PATTERN.test(text)) {
    return false;
  }
  const digits = [...text].map((sign) => weightOf(sign).toString()).join('');
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const doubled = (digit.charCodeAt(0) - ZERO) * (place % 2 === 0 ? 1 : 2);
    return total + digitSum(doubled);
  }, 0);
  return sum % 10 === 0;
}

/** @source ANSI X9.6: every second of the first eight signs is doubled, the digits of all are added up */
export function isCusip(text: string): boolean {
  if (!CUSIP_PATTERN.test(text)) {
    return false;
  }
  const sum = Array.from(text.slice(0, 8)).reduce(
    (total, sign, place) => total + digitSum(weightOf(sign) * (place % 2 === 0 ? 1 : 2)),
    0,
  );
  return (10 - (sum % 10)) % 10 === weightOf(text.charAt(8));
}

const ZERO = '0'.charCodeAt(0);
const LETTER_A = 'A'.charCodeAt(0);
const SPECIAL = '*@#';

function weightOf(sign: string): number {
  const special = SPECIAL.indexOf(sign);
  if (special >= 0) {
    return 36 + special;
  }
  const code = sign.charCodeAt(0);
  return code >= LETTER_A ? code - LETTER_A + 10 : code - ZERO;
}

function digitSum(value: number): number {
  return Math.floor(value / 10) + (value % 10);
}
