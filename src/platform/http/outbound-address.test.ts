import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isLoopbackAddress, isPublicAddress } from './outbound-address.ts';

describe('an address is called', () => {
  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:830::200e',
  ])('%s: of the public internet', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('an address is refused', () => {
  test.each([
    ['0.0.0.0', 'this host'],
    ['10.255.255.255', 'private'],
    ['100.64.0.1', 'carrier-grade'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback, not only .1'],
    ['169.254.169.254', 'link-local: metadata of a cloud'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['192.0.2.1', 'documentation'],
    ['198.19.255.255', 'benchmark'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback in IPv6'],
    ['::ffff:8.8.8.8', 'a mapped address, whatever it maps'],
    ['::ffff:7f00:1', 'loopback in IPv6, in hexadecimal'],
    ['64:ff9b::7f00:1', 'translated'],
    ['2002:7f00:1::', '6to4 of loopback'],
    ['2001:0:7f00:1::', 'Teredo'],
    ['2001:db8::1', 'documentation'],
    ['fc00::1', 'unique local'],
    ['fd12:3456::1', 'unique local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local with a zone'],
    ['2606:4700::1%eth0', 'any zone'],
    ['ff02::1', 'multicast'],
    ['127.1', 'no full address'],
    ['0x7f.0.0.1', 'no decimal address'],
    ['localhost', 'a name'],
    ['', 'nothing'],
  ])('%s: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  test('any IPv4 address that IPv6 wraps', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPublicAddress(`::ffff:${address}`)).toBe(false);
        expect(isPublicAddress(`::${address}`)).toBe(false);
      }),
    );
  });
});

test('loopback is 127/8 and ::1, and nothing that only looks like it', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1'].map(isLoopbackAddress)).toEqual([true, true, true]);
  const others = ['128.0.0.1', '::2', '::1%lo', 'localhost', '169.254.0.1', '0.0.0.0'];
  expect(others.map(isLoopbackAddress)).toEqual(others.map(() => false));
});
