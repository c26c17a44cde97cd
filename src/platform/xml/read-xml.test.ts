import { describe, expect, test } from 'bun:test';
import { readXml, type XmlElement, xmlLimitsDefault } from './read-xml.ts';
import { XmlError } from './xml-error.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function codeOf(text: string, limits = xmlLimitsDefault): string {
  try {
    readXml(bytes(text), 0, () => undefined, limits);
  } catch (error) {
    if (error instanceof XmlError) {
      return error.code;
    }
    throw error;
  }
  return 'accepted';
}

describe('readXml', () => {
  test('reads attributes, references, CDATA and comments of a well-formed document', () => {
    const found: XmlElement[] = [];
    const document = `<?xml version="1.0"?><a><!-- x --><b k='1 &lt; 2'>&#65;&amp;&#x42;<![CDATA[<raw>]]></b><c/></a>`;
    readXml(bytes(document), 2, (element) => found.push(element));
    expect(found.map((element) => [element.name, element.text, element.attributes.k])).toEqual([
      ['b', 'A&B<raw>', '1 < 2'],
      ['c', '', undefined],
    ]);
  });

  test('releases each record after it was handed over, so memory follows the record and not the file', () => {
    const root = readXml(bytes('<a><b>1</b><b>2</b></a>'), 2, () => undefined);
    expect(root.children).toEqual([]);
  });

  const refusals: readonly (readonly [string, string, string])[] = [
    ['an empty file', '  \n', 'empty_file'],
    ['a DOCTYPE', '<!DOCTYPE a><a/>', 'doctype_refused'],
    ['an entity declaration', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'doctype_refused'],
    ['an external entity', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 'doctype_refused'],
    ['an undeclared entity', '<a>&lol;</a>', 'entity_refused'],
    ['an entity named like an object member', '<a>&toString;</a>', 'entity_refused'],
    ['a file cut inside an element', '<a><b>text', 'truncated'],
    ['a file cut inside a tag', '<a><b x="1', 'truncated'],
    ['a file cut inside a comment', '<a><!-- ', 'truncated'],
    ['an end tag that closes another element', '<a><b></a></b>', 'malformed'],
    ['two roots', '<a/><b/>', 'malformed'],
    ['text after the root', '<a/>x', 'malformed'],
    ['a repeated attribute', '<a x="1" x="2"/>', 'malformed'],
    ['an unquoted attribute', '<a x=1/>', 'malformed'],
    ['a bare ampersand', '<a>A & B</a>', 'malformed'],
    ['a control character', '<a>\u0001</a>', 'malformed'],
    ['a reference to a forbidden character', '<a>&#0;</a>', 'malformed'],
    ['a document without elements', '<!-- nothing -->', 'malformed'],
  ];
  for (const [what, document, code] of refusals) {
    test(`refuses ${what}`, () => {
      expect(codeOf(document)).toBe(code);
    });
  }

  test('accepts 64 levels of nesting and refuses 65', () => {
    const nested = (depth: number): string => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
    expect(codeOf(nested(64))).toBe('accepted');
    expect(codeOf(nested(65))).toBe('nesting_too_deep');
  });

  test('refuses more bytes or elements than the limits allow', () => {
    expect(codeOf('<a>12345</a>', { ...xmlLimitsDefault, maxBytes: 11 })).toBe('file_too_large');
    expect(codeOf('<a><b/><b/></a>', { ...xmlLimitsDefault, maxElements: 2 })).toBe('file_too_large');
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => readXml(Uint8Array.from([0x3c, 0x61, 0xff, 0x3e]), 0, () => undefined)).toThrow('not_utf8');
  });

  test('names the line of the fault', () => {
    try {
      readXml(bytes('<a>\n<b>\n</c></a>'), 0, () => undefined);
      expect.unreachable();
    } catch (error) {
      expect((error as XmlError).line).toBe(3);
    }
  });
});
