/** The forms in which Didit signs, over texts that Python's `json.dumps` wrote and not this program. */
import { describe, expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { isSignedByDidit } from './didit-signature.ts';

const SECRET = 'didit-secret-of-this-test-0123456789';
const NOW_S = 1_790_000_000;

/** As it may be sent: in no order, with fractions that are whole. */
const SENT =
  '{"status":"Approved","decision":{"liveness_checks":[{"score":97.99,"age_estimation":31.50}],' +
  '"face_matches":[{"score":100.0}],"aml_screenings":[{"score":0.98,"tiny":0.00001,"less":1.5e-7,"most":1e21,' +
  '"zero":-0.0}],"ip_analyses":[{"latitude":-20.1609,"longitude":57.5012}]},"10":2,"9":1,' +
  '"name":"Jos\\u00e9 \\"Müller\\" 日本 \\u007f\\n"}';

const BEFORE_NAME =
  '{"10":2,"9":1,"decision":{"aml_screenings":[{"less":1.5e-07,"most":1000000000000000000000,"score":0.98,' +
  '"tiny":1e-05,"zero":0}],"face_matches":[{"score":100}],"ip_analyses":[{"latitude":-20.1609,' +
  '"longitude":57.5012}],"liveness_checks":[{"age_estimation":31.5,"score":97.99}]},';
const SORTED = `${BEFORE_NAME}"name":"José \\"Müller\\" 日本 \u007f\\n","status":"Approved"}`;
const ESCAPED = `${BEFORE_NAME}"name":"Jos\\u00e9 \\"M\\u00fcller\\" \\u65e5\\u672c \\u007f\\n","status":"Approved"}`;

function mac(text: string): string {
  return createHmac('sha256', SECRET).update(text).digest('hex');
}

function isTaken(headers: Record<string, string>, body = SENT): boolean {
  const all = { 'x-timestamp': String(NOW_S), ...headers };
  return isSignedByDidit([SECRET], all, Buffer.from(body), NOW_S * 1_000);
}

describe('an event with scores and places in it', () => {
  test.each<[string, Record<string, string>]>([
    ['over its bytes', { 'x-signature': mac(SENT) }],
    ['over sorted JSON', { 'x-signature-v2': mac(SORTED) }],
    ['over sorted JSON, in capitals', { 'x-signature-v2': mac(SORTED).toUpperCase() }],
    ['over sorted JSON in ASCII', { 'x-signature-v2': mac(ESCAPED) }],
    ['over the time and sorted JSON', { 'x-signature-v2': mac(`${NOW_S}:${SORTED}`) }],
    ['over the time and sorted JSON in ASCII', { 'x-signature-v2': mac(`${NOW_S}:${ESCAPED}`) }],
    ['by a form that fits beside one that does not', { 'x-signature': 'x', 'x-signature-v2': mac(SORTED) }],
  ])('is taken where it is signed %s', (_title, headers) => {
    expect(isTaken(headers)).toBe(true);
  });

  test.each<[string, Record<string, string>, string]>([
    ['by nobody', {}, SENT],
    ['for another score', { 'x-signature-v2': mac(SORTED) }, SENT.replace('97.99', '97.98')],
    ['for another place', { 'x-signature-v2': mac(SORTED) }, SENT.replace('-20.1609', '-20.161')],
    ['for another time', { 'x-signature-v2': mac(`${NOW_S - 1}:${SORTED}`) }, SENT],
    ['in the form of another header', { 'x-signature': mac(SORTED) }, SENT],
    ['in the simple form alone', { 'x-signature-simple': mac(SORTED) }, SENT],
    ['as what is no JSON', { 'x-signature-v2': mac('{') }, '{'],
  ])('is refused where it is signed %s', (_title, headers, body) => {
    expect(isTaken(headers, body)).toBe(false);
  });
});
