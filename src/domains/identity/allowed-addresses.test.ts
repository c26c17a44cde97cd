import { describe, expect, test } from 'bun:test';
import { isAllowedAddress, isCidr, isNarrow } from './allowed-addresses.ts';

test.each([
  ['10.0.0.0/8', true],
  ['10.1.2.3/8', true],
  ['10.0.0.0/0', true],
  ['10.0.0.0/33', false],
  ['010.0.0.0/8', false],
  ['10.0.0/8', false],
  ['2001:db8::/32', true],
  ['::/0', true],
  ['2001:db8::/129', false],
  ['::ffff:10.0.0.0/104', true],
  ['::ffff:10.0.0.0/129', false],
  ['fe80::1%eth0/64', false],
  ['10.0.0.0', false],
  ['10.0.0.0/', false],
  ['10.0.0.0/8 ', false],
  ['example.mu/8', false],
  ['/8', false],
  ['', false],
])('%s names a network: %p', (text, expected) => {
  expect(isCidr(text)).toBe(expected);
});

test.each([
  ['10.0.0.0/8', true],
  ['10.0.0.0/7', false],
  ['0.0.0.0/0', false],
  ['2001:db8::/16', true],
  ['2000::/3', false],
  ['::ffff:10.0.0.0/104', true],
  ['::ffff:0.0.0.0/96', false],
  ['nonsense', false],
])('%s bounds where a key is used from: %p', (text, expected) => {
  expect(isNarrow(text)).toBe(expected);
});

describe('an address is allowed', () => {
  test.each<[readonly string[], string, boolean]>([
    [[], '', true],
    [[], '198.51.100.1', true],
    [['10.0.0.0/8'], '10.9.8.7', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['10.1.2.3/32'], '10.1.2.3', true],
    [['10.1.2.3/32'], '10.1.2.4', false],
    [['10.0.0.0/8'], '::ffff:10.9.8.7', true],
    [['10.0.0.0/8'], '::FFFF:10.9.8.7', true],
    [['10.0.0.0/8'], '::ffff:a09:807', true],
    [['10.0.0.0/8'], '::ffff:11.0.0.1', false],
    [['10.0.0.0/8'], '::10.9.8.7', false],
    [['::ffff:10.0.0.0/104'], '10.9.8.7', true],
    [['::ffff:10.0.0.0/104'], '::ffff:10.9.8.7', true],
    [['::ffff:10.0.0.0/104'], '11.0.0.1', false],
    [['2001:db8::/32'], '2001:db8:1::9', true],
    [['2001:db8::/32'], '2001:0DB8:0:0:0:0:0:9', true],
    [['2001:db8::/32'], '2001:db9::', false],
    [['2001:db8::/32'], '10.9.8.7', false],
    [['192.0.2.0/24', '2001:db8::/32'], '2001:db8::1', true],
    [['192.0.2.0/24', '2001:db8::/32'], '192.0.2.200', true],
    [['10.0.0.0/8'], '', false],
    [['10.0.0.0/8'], 'localhost', false],
    [['nonsense', '10.0.0.0/8'], '10.0.0.1', true],
    [['nonsense'], '10.0.0.1', false],
  ])('by %j: %s is %p', (cidrs, address, expected) => {
    expect(isAllowedAddress(cidrs, address)).toBe(expected);
  });
});
