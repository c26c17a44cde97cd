import { expect, test } from 'bun:test';
import { clientAddressBehind } from './client-address.ts';

const TRUSTED = ['10.0.0.0/8', '192.168.1.1', '2001:db8::/32'];

test.each([
  // peer              X-Forwarded-For                      client            why
  ['203.0.113.9', '198.51.100.7', '203.0.113.9', 'a stranger says nothing about others'],
  ['203.0.113.9', null, '203.0.113.9', 'nobody in between'],
  ['10.0.0.1', null, '10.0.0.1', 'a proxy that forwards nobody'],
  ['10.0.0.1', '198.51.100.7', '198.51.100.7', 'a proxy we trust'],
  ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7', 'the same on an IPv6 socket'],
  ['10.0.0.1', '::ffff:198.51.100.7', '198.51.100.7', 'a client on an IPv6 socket of the proxy'],
  ['10.0.0.1', '1.2.3.4, 198.51.100.7', '198.51.100.7', 'what the client made up is left of it'],
  ['10.0.0.1', '198.51.100.7, 10.9.9.9', '198.51.100.7', 'two proxies we trust'],
  ['10.0.0.1', '198.51.100.7, 172.16.0.1', '172.16.0.1', 'a proxy we do not trust is the client'],
  ['192.168.1.2', '198.51.100.7', '192.168.1.2', 'only the one address is trusted'],
  ['192.168.1.1', '198.51.100.7', '198.51.100.7', 'a single address'],
  ['2001:db8::1', '2001:db9::7', '2001:db9::7', 'IPv6'],
  ['10.0.0.1', '2001:db8::7, 10.0.0.2', '10.0.0.1', 'all of them proxies'],
  ['10.0.0.1', '', '10.0.0.1', 'an empty header'],
  ['10.0.0.1', 'unknown', '10.0.0.1', 'no address'],
  ['10.0.0.1', "'; drop table users", '10.0.0.1', 'no address either'],
  ['10.0.0.1', '198.51.100.7, junk', '10.0.0.1', 'junk from a proxy hides what is behind it'],
  ['', '198.51.100.7', '', 'no socket at all'],
])('%p forwarding %p is %p: %s', (peer, forwardedFor, client) => {
  expect(clientAddressBehind(TRUSTED)(peer, forwardedFor)).toBe(client);
});

test('without trusted proxies the header is never believed', () => {
  expect(clientAddressBehind([])('127.0.0.1', '198.51.100.7')).toBe('127.0.0.1');
});
