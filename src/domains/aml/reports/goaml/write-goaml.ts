/**
 * Writes a goAML report: the order is the structure's, whatever order the members were put together in. What XML
 * cannot carry is left out, and nothing in a name can end an element or begin one. Pure.
 */
import { assert } from '../../../../kernel/assert.ts';
import { GOAML, type TypeName } from './structure.ts';

/** An element with children, by their names; several of one name as a list. */
export type GoamlNode = { readonly [name: string]: GoamlValue | undefined };

export type GoamlValue = string | GoamlNode | readonly (string | GoamlNode)[];

const ENCODER = new TextEncoder();

/** A report as the bytes that are filed. @units UTF-8 */
export function writeGoaml(report: GoamlNode): Uint8Array<ArrayBuffer> {
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<report>'];
  writeChildren('report', report, '  ', lines);
  lines.push('</report>', '');
  return ENCODER.encode(lines.join('\n'));
}

function writeChildren(type: TypeName, node: GoamlNode, indent: string, lines: string[]): void {
  const elements = GOAML[type].flatMap(({ oneOf }) => oneOf);
  for (const name of Object.keys(node)) {
    assert(
      elements.some((element) => element.name === name),
      `${type} has no ${name}`,
    );
  }
  for (const { name, of } of elements) {
    for (const value of listOf(node[name])) {
      writeElement(name, of, value, indent, lines);
    }
  }
}

function writeElement(
  name: string,
  of: unknown,
  value: string | GoamlNode,
  indent: string,
  lines: string[],
): void {
  if (typeof value === 'string') {
    lines.push(`${indent}<${name}>${escaped(value)}</${name}>`);
    return;
  }
  assert(typeof of === 'string', `${name} has no children`);
  lines.push(`${indent}<${name}>`);
  writeChildren(of as TypeName, value, `${indent}  `, lines);
  lines.push(`${indent}</${name}>`);
}

function listOf(value: GoamlValue | undefined): readonly (string | GoamlNode)[] {
  if (value === undefined) {
    return [];
  }
  return isList(value) ? value : [value];
}

function isList(value: GoamlValue): value is readonly (string | GoamlNode)[] {
  return Array.isArray(value);
}

/** @source XML 1.0 section 2.2: what is no character of it goes; text is one line, without blanks at its ends */
function escaped(text: string): string {
  const clean = [...text]
    .map((character) => (isBlank(character) ? ' ' : character))
    .filter(isXmlCharacter)
    .join('')
    .replace(/ {2,}/g, ' ')
    .trim();
  return clean
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;');
}

function isBlank(character: string): boolean {
  return character === '\t' || character === '\n' || character === '\r';
}

function isXmlCharacter(character: string): boolean {
  const point = character.codePointAt(0) ?? 0;
  return (
    (point >= 0x20 && point <= 0xd7_ff && !(point >= 0x7f && point <= 0x9f)) ||
    (point >= 0xe0_00 && point <= 0xff_fd) ||
    (point >= 0x1_00_00 && point <= 0x10_ff_ff && (point & 0xff_fe) !== 0xff_fe)
  );
}
