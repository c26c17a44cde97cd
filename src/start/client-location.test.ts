import { describe, expect, test } from 'bun:test';
import { parseLocationHeaders } from '../platform/http/location-headers.ts';
import { trustedPeers } from './client-address.ts';
import { clientLocationBehind } from './client-location.ts';

const NAMES = parseLocationHeaders(
  'country=CF-IPCountry, city=CF-IPCity,latitude=CF-Lat,longitude=CF-Lon,timeZone=CF-TZ',
);
const locate = clientLocationBehind(trustedPeers(['10.0.0.0/8', '::1']), NAMES);
const SENT = {
  'cf-ipcountry': 'MU',
  'cf-ipcity': 'Port Louis',
  'cf-lat': '-20.16',
  'cf-lon': '57.5',
  'cf-tz': 'Indian/Mauritius',
};

test('a trusted proxy is believed, with every member it names', () => {
  expect(locate('10.1.2.3', new Headers(SENT))).toEqual({
    country: 'MU',
    city: 'Port Louis',
    latitude: '-20.16',
    longitude: '57.5',
    timeZone: 'Indian/Mauritius',
  });
  expect(locate('::ffff:10.1.2.3', new Headers({ 'cf-ipcountry': 'FR' }))).toEqual({ country: 'FR' });
});

test('nobody else is believed, and nothing is known where no header is named', () => {
  expect(locate('198.51.100.7', new Headers(SENT))).toBeUndefined();
  expect(locate('', new Headers(SENT))).toBeUndefined();
  expect(clientLocationBehind(() => true, null)('10.1.2.3', new Headers(SENT))).toBeUndefined();
});

describe('what a header says is passed over where it is', () => {
  test.each([
    ['a country of no two letters', { 'cf-ipcountry': 'Mauritius' }, undefined],
    ['a country the proxy does not know', { 'cf-ipcountry': 'XX' }, undefined],
    ['a city without a country', { 'cf-ipcity': 'Port Louis' }, undefined],
    ['a city that is markup', { 'cf-ipcountry': 'MU', 'cf-ipcity': '<b>' }, { country: 'MU' }],
    ['a city without end', { 'cf-ipcountry': 'MU', 'cf-ipcity': 'a'.repeat(101) }, { country: 'MU' }],
    ['a latitude beyond the pole', { 'cf-ipcountry': 'MU', 'cf-lat': '90.5' }, { country: 'MU' }],
    ['a longitude beyond the line', { 'cf-ipcountry': 'MU', 'cf-lon': '180.5' }, { country: 'MU' }],
    ['a time zone with spaces', { 'cf-ipcountry': 'MU', 'cf-tz': 'not a zone' }, { country: 'MU' }],
  ])('%s', (_what, sent, found) => {
    expect(locate('10.0.0.1', new Headers(sent))).toEqual(found as never);
  });
});

test.each(['', 'country', 'city=CF-IPCity', 'country=A,country=B', 'planet=X', 'country=a b'])(
  'refuses the setting %p',
  (text) => {
    expect(() => parseLocationHeaders(text)).toThrow('must');
  },
);
