import { describe, expect, test } from 'bun:test';
import { parseMonitoringVendor } from './monitoring-vendor.ts';

const SCENARIO = '0199c4b2-7d4e-4c11-9a6b-3f3c55d0a001';

describe('a monitoring vendor', () => {
  test('is asked about money in and out unless more is said', () => {
    const text = `marble:url=https://api.checkmarble.com/;mode=compare;scenario=${SCENARIO};key=a=b/c+`;
    expect(parseMonitoringVendor(text)).toEqual({
      vendor: 'marble',
      mode: 'compare',
      url: 'https://api.checkmarble.com',
      scenario: SCENARIO,
      apiKey: 'a=b/c+',
      kinds: ['deposit', 'withdrawal_requested'],
    });
    expect(parseMonitoringVendor(`${text};kinds=transfer,deposit`).kinds).toEqual(['deposit', 'transfer']);
  });

  test.each([
    'marble',
    `other:url=https://a.mu;mode=compare;scenario=${SCENARIO};key=k`,
    `marble:mode=compare;scenario=${SCENARIO};key=k`,
    `marble:url=https://a.mu;scenario=${SCENARIO};key=k`,
    `marble:url=https://a.mu;mode=clear;scenario=${SCENARIO};key=k`,
    'marble:url=https://a.mu;mode=compare;key=k',
    'marble:url=https://a.mu;mode=compare;scenario=one;key=k',
    `marble:url=https://a.mu;mode=compare;scenario=${SCENARIO}`,
    `marble:url=https://a.mu;mode=compare;mode=decide;scenario=${SCENARIO};key=k`,
    `marble:url=http://a.mu;mode=compare;scenario=${SCENARIO};key=k`,
    `marble:url=https://a.mu;mode=compare;scenario=${SCENARIO};key=k;kinds=fill`,
    `marble:url=https://a.mu;mode=compare;scenario=${SCENARIO};key=k;kinds=deposit,deposit`,
    `marble:url=https://a.mu;mode=compare;scenario=${SCENARIO};key=k;kinds=`,
  ])('is refused as %s', (text) => {
    expect(() => parseMonitoringVendor(text)).toThrow(/^must /);
  });

  test('tells nobody its key when it is refused', () => {
    const text = `marble:url=https://a.mu;mode=compare;scenario=${SCENARIO};key=geheim;colour=red`;
    expect(() => parseMonitoringVendor(text)).toThrow(/^(?!.*geheim)/);
  });
});
