/**
 * A strict reader for the XML that lists, statements and payment files use. It guarantees: no DOCTYPE, no entity
 * declarations, only the five predefined entities and character references, bounded size, nesting and
 * element count, well-formed start and end tags, one root. It does not do namespaces, validation or
 * encodings other than UTF-8.
 */
import { XmlError } from './xml-error.ts';

export type XmlElement = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
  readonly line: number;
};

export type XmlLimits = {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxElements: number;
};

export const xmlLimitsDefault: XmlLimits = {
  maxBytes: 256 * 1024 * 1024,
  maxDepth: 64,
  maxElements: 20_000_000,
};

/**
 * Reads a document element by element: `onElement` is called for each completed element at `emitDepth`
 * (root is 1), which is then released, so memory is bounded by one record and not by the file.
 * @errors empty_file, file_too_large, not_utf8, doctype_refused, entity_refused, nesting_too_deep,
 * truncated, malformed
 */
export function readXml(
  bytes: Uint8Array,
  emitDepth: number,
  onElement: (element: XmlElement, path: readonly string[]) => void,
  limits: XmlLimits = xmlLimitsDefault,
): XmlElement {
  if (bytes.byteLength > limits.maxBytes) {
    throw new XmlError('file_too_large', `more than ${limits.maxBytes} bytes`);
  }
  const source = decodeUtf8(bytes);
  if (source.trim() === '') {
    throw new XmlError('empty_file', 'no content');
  }
  const reader: Reader = {
    source,
    position: 0,
    line: 1,
    linePosition: 0,
    stack: [],
    root: undefined,
    count: 0,
    emitDepth,
    onElement,
    limits,
  };
  while (reader.position < source.length) {
    step(reader);
  }
  const open = reader.stack.at(-1);
  if (open !== undefined) {
    throw new XmlError('truncated', `<${open.name}> is never closed`, lineOf(reader));
  }
  if (reader.root === undefined) {
    throw new XmlError('malformed', 'no root element', lineOf(reader));
  }
  return reader.root;
}

/** First child with this name. */
export function childOf(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}

/** All children with this name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Trimmed text of the first child with this name, or an empty string. */
export function childText(element: XmlElement, name: string): string {
  return childOf(element, name)?.text.trim() ?? '';
}

type OpenElement = {
  name: string;
  attributes: Record<string, string>;
  children: XmlElement[];
  text: string;
  line: number;
};

type Reader = {
  readonly source: string;
  position: number;
  line: number;
  linePosition: number;
  readonly stack: OpenElement[];
  root: XmlElement | undefined;
  count: number;
  readonly emitDepth: number;
  readonly onElement: (element: XmlElement, path: readonly string[]) => void;
  readonly limits: XmlLimits;
};

const namePattern = /[\p{L}_:][\p{L}\p{N}_:.-]*/uy;
const spacePattern = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters XML 1.0 forbids
const forbiddenPattern = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/u;
const predefined: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new XmlError('not_utf8', 'the file is not valid UTF-8');
  }
}

function lineOf(reader: Reader): number {
  let at = reader.source.indexOf('\n', reader.linePosition);
  while (at !== -1 && at < reader.position) {
    reader.line += 1;
    reader.linePosition = at + 1;
    at = reader.source.indexOf('\n', reader.linePosition);
  }
  return reader.line;
}

function step(reader: Reader): void {
  const { source, position } = reader;
  if (source[position] !== '<') {
    readText(reader);
  } else if (source.startsWith('</', position)) {
    readEndTag(reader);
  } else if (source.startsWith('<!--', position)) {
    skipTo(reader, '-->', 'comment');
  } else if (source.startsWith('<![CDATA[', position)) {
    readCdata(reader);
  } else if (source.startsWith('<?', position)) {
    skipTo(reader, '?>', 'processing instruction');
  } else if (source.startsWith('<!', position)) {
    throw new XmlError('doctype_refused', 'declarations are not allowed', lineOf(reader));
  } else {
    readStartTag(reader);
  }
}

function skipTo(reader: Reader, terminator: string, what: string): number {
  const end = reader.source.indexOf(terminator, reader.position);
  if (end === -1) {
    throw new XmlError('truncated', `unterminated ${what}`, lineOf(reader));
  }
  reader.position = end + terminator.length;
  return end;
}

function readText(reader: Reader): void {
  const next = reader.source.indexOf('<', reader.position);
  const end = next === -1 ? reader.source.length : next;
  const raw = reader.source.slice(reader.position, end);
  const open = reader.stack.at(-1);
  if (open === undefined) {
    if (raw.trim() !== '') {
      throw new XmlError('malformed', 'text outside the root element', lineOf(reader));
    }
  } else {
    open.text += withReferences(reader, raw);
  }
  reader.position = end;
}

function readCdata(reader: Reader): void {
  const open = reader.stack.at(-1);
  const start = reader.position + '<![CDATA['.length;
  const end = skipTo(reader, ']]>', 'CDATA section');
  if (open === undefined) {
    throw new XmlError('malformed', 'text outside the root element', lineOf(reader));
  }
  open.text += refuseForbidden(reader, reader.source.slice(start, end));
}

function readEndTag(reader: Reader): void {
  const start = reader.position + 2;
  const end = reader.source.indexOf('>', start);
  if (end === -1) {
    throw new XmlError('truncated', 'unterminated end tag', lineOf(reader));
  }
  const name = reader.source.slice(start, end).trimEnd();
  const open = reader.stack.pop();
  if (open === undefined || open.name !== name) {
    throw new XmlError('malformed', `</${name.slice(0, 40)}> closes nothing`, lineOf(reader));
  }
  reader.position = end + 1;
  complete(reader, open);
}

function readStartTag(reader: Reader): void {
  const line = lineOf(reader);
  reader.position += 1;
  const name = readName(reader);
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  for (;;) {
    const spaced = skipSpace(reader);
    const char = reader.source[reader.position];
    if (char === undefined) {
      throw new XmlError('truncated', `unterminated <${name}>`, line);
    }
    if (char === '>' || char === '/') {
      break;
    }
    if (!spaced) {
      throw new XmlError('malformed', `attributes of <${name}> run together`, line);
    }
    readAttribute(reader, attributes);
  }
  openElement(reader, { name, attributes, children: [], text: '', line });
}

function openElement(reader: Reader, element: OpenElement): void {
  if (reader.stack.length === 0 && reader.root !== undefined) {
    throw new XmlError('malformed', 'more than one root element', element.line);
  }
  if (reader.stack.length + 1 > reader.limits.maxDepth) {
    throw new XmlError('nesting_too_deep', `deeper than ${reader.limits.maxDepth} elements`, element.line);
  }
  reader.count += 1;
  if (reader.count > reader.limits.maxElements) {
    throw new XmlError('file_too_large', `more than ${reader.limits.maxElements} elements`);
  }
  const selfClosing = reader.source[reader.position] === '/';
  if (selfClosing && reader.source[reader.position + 1] !== '>') {
    throw new XmlError('malformed', `stray / in <${element.name}>`, element.line);
  }
  reader.position += selfClosing ? 2 : 1;
  if (selfClosing) {
    complete(reader, element);
  } else {
    reader.stack.push(element);
  }
}

function complete(reader: Reader, element: OpenElement): void {
  const depth = reader.stack.length + 1;
  if (depth === reader.emitDepth) {
    reader.onElement(
      element,
      reader.stack.map((ancestor) => ancestor.name),
    );
  }
  if (depth === 1) {
    reader.root = element;
  } else if (depth !== reader.emitDepth) {
    reader.stack.at(-1)?.children.push(element);
  }
}

function readAttribute(reader: Reader, attributes: Record<string, string>): void {
  const name = readName(reader);
  skipSpace(reader);
  if (reader.source[reader.position] !== '=') {
    throw new XmlError('malformed', `attribute ${name} has no value`, lineOf(reader));
  }
  reader.position += 1;
  skipSpace(reader);
  const quote = reader.source[reader.position];
  if (quote !== '"' && quote !== "'") {
    throw new XmlError('malformed', `attribute ${name} is not quoted`, lineOf(reader));
  }
  const start = reader.position + 1;
  const end = reader.source.indexOf(quote, start);
  if (end === -1) {
    throw new XmlError('truncated', `attribute ${name} is never closed`, lineOf(reader));
  }
  if (name in attributes) {
    throw new XmlError('malformed', `attribute ${name} is repeated`, lineOf(reader));
  }
  attributes[name] = withReferences(reader, reader.source.slice(start, end));
  reader.position = end + 1;
}

function readName(reader: Reader): string {
  namePattern.lastIndex = reader.position;
  const match = namePattern.exec(reader.source);
  if (match === null) {
    const atEnd = reader.position >= reader.source.length;
    throw new XmlError(atEnd ? 'truncated' : 'malformed', 'a name was expected', lineOf(reader));
  }
  reader.position += match[0].length;
  return match[0];
}

function skipSpace(reader: Reader): boolean {
  spacePattern.lastIndex = reader.position;
  const length = spacePattern.exec(reader.source)?.[0].length ?? 0;
  reader.position += length;
  return length > 0;
}

function refuseForbidden(reader: Reader, text: string): string {
  if (forbiddenPattern.test(text)) {
    throw new XmlError('malformed', 'a character that XML forbids', lineOf(reader));
  }
  return text;
}

function withReferences(reader: Reader, raw: string): string {
  refuseForbidden(reader, raw);
  if (!raw.includes('&')) {
    return raw;
  }
  return raw.replace(/&([^;&]{0,12};?)/gu, (_whole, reference: string) => {
    if (!reference.endsWith(';')) {
      throw new XmlError('malformed', 'a bare ampersand', lineOf(reader));
    }
    return resolveReference(reader, reference.slice(0, -1));
  });
}

function resolveReference(reader: Reader, reference: string): string {
  const numeric = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/u.exec(reference);
  if (numeric === null) {
    const known = Object.hasOwn(predefined, reference) ? predefined[reference] : undefined;
    if (known === undefined) {
      throw new XmlError('entity_refused', `&${reference}; is not predefined`, lineOf(reader));
    }
    return known;
  }
  const code =
    numeric[1] === undefined ? Number.parseInt(numeric[2] ?? '', 10) : Number.parseInt(numeric[1], 16);
  const valid = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  if (!valid) {
    throw new XmlError('malformed', `&${reference}; is no character`, lineOf(reader));
  }
  return refuseForbidden(reader, String.fromCodePoint(code));
}
