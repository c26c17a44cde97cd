import { describe, expect, test } from 'bun:test';
import { parseScreeningVendor } from './screening-vendor.ts';

describe('a screening vendor', () => {
  test('has what is usual where nothing else is said', () => {
    expect(parseScreeningVendor('yente:url=https://api.opensanctions.org/;mode=compare')).toEqual({
      vendor: 'yente',
      mode: 'compare',
      url: 'https://api.opensanctions.org',
      dataset: 'default',
      apiKey: null,
      algorithm: null,
      threshold: '0.7',
    });
  });

  test('is set up in every member', () => {
    const text =
      'yente:url=https://yente.example.mu/base;mode=decide;dataset=sanctions;key=a=b/c+;algorithm=logic-v2;threshold=0.85';
    expect(parseScreeningVendor(text)).toEqual({
      vendor: 'yente',
      mode: 'decide',
      url: 'https://yente.example.mu/base',
      dataset: 'sanctions',
      apiKey: 'a=b/c+',
      algorithm: 'logic-v2',
      threshold: '0.85',
    });
  });

  test.each([
    'yente',
    'other:url=https://a.mu;mode=compare',
    'yente:mode=compare',
    'yente:url=https://a.mu',
    'yente:url=https://a.mu;mode=clear',
    'yente:url=https://a.mu;mode=compare;mode=decide',
    'yente:url=https://a.mu;mode=compare;colour=red',
    'yente:url=https://a.mu;mode=compare;',
    'yente:url=http://a.mu;mode=compare',
    'yente:url=ftp://a.mu;mode=compare',
    'yente:url=https://me:pw@a.mu;mode=compare',
    'yente:url=https://a.mu?x=1;mode=compare',
    'yente:url=https://a.mu;mode=compare;dataset=../admin',
    'yente:url=https://a.mu;mode=compare;algorithm=a/b',
    'yente:url=https://a.mu;mode=compare;threshold=1.5',
    'yente:url=https://a.mu;mode=compare;threshold=0,7',
    'yente:url=https://a.mu;mode=compare;threshold=-1',
  ])('is refused as %s', (text) => {
    expect(() => parseScreeningVendor(text)).toThrow(/^must /);
  });

  test('tells nobody its key when it is refused', () => {
    const text = 'yente:url=https://a.mu;mode=compare;key=geheim;colour=red';
    expect(() => parseScreeningVendor(text)).toThrow(/^(?!.*geheim)/);
  });
});
