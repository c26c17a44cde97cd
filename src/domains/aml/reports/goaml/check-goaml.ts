/**
 * Reads a report back as it was written and holds it against the structure: which elements, in which order, how
 * often, and what they hold. A finding names a place and never what stands there. It does not replace the XSD of
 * the FIU. Pure.
 */
import { childrenOf, readXml, type XmlElement, type XmlLimits } from '../../../../platform/xml/read-xml.ts';
import { XmlError } from '../../../../platform/xml/xml-error.ts';
import { GOAML, type Place, type Scalar, type TypeName } from './structure.ts';

export type Finding = {
  /** Where it is: `/report/transaction[2]/amount_local`. */
  readonly path: string;
  readonly code: 'not_xml' | 'missing' | 'unexpected' | 'empty' | 'too_long' | 'malformed' | 'not_a_code';
};

/** As many are told; whoever mends the first finds the others. */
export const MAX_FINDINGS = 200;

const LIMITS: XmlLimits = { maxBytes: 128 * 1024 * 1024, maxDepth: 16, maxElements: 5_000_000 };

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/;
const DECIMAL = /^(0|[1-9]\d{0,17})(\.\d{1,10})?$/;

/** Everything that is wrong with a document; none where it is whole. */
export function checkGoaml(document: Uint8Array, indicators: ReadonlySet<string> | null): readonly Finding[] {
  const findings: Finding[] = [];
  const names: string[] = [];
  const seen = new Map<string, number>();
  const child = (element: XmlElement): void => {
    const index = (seen.get(element.name) ?? 0) + 1;
    seen.set(element.name, index);
    names.push(element.name);
    const path = `/report/${element.name}${element.name === 'transaction' ? `[${index}]` : ''}`;
    checkElement('report', element, path, findings);
    if (element.name === 'report_indicators' && indicators !== null) {
      checkIndicators(element, path, indicators, findings);
    }
  };
  try {
    const root = readXml(document, 2, child, LIMITS);
    if (root.name !== 'report') {
      return [{ path: `/${root.name}`, code: 'unexpected' }];
    }
  } catch (error) {
    if (error instanceof XmlError) {
      return [{ path: '/', code: 'not_xml' }];
    }
    throw error;
  }
  checkOrder(GOAML.report, names, '/report', findings);
  return findings.slice(0, MAX_FINDINGS);
}

function checkElement(parent: TypeName, element: XmlElement, path: string, findings: Finding[]): void {
  const found = GOAML[parent].flatMap(({ oneOf }) => oneOf).find(({ name }) => name === element.name);
  if (found === undefined || findings.length >= MAX_FINDINGS) {
    // Whatever is no element of its parent is told of once, with the order.
    return;
  }
  if (Object.keys(element.attributes).length > 0) {
    findings.push({ path, code: 'unexpected' });
  }
  if (typeof found.of !== 'string') {
    checkScalar(found.of, element, path, findings);
    return;
  }
  const names = element.children.map(({ name }) => name);
  checkOrder(GOAML[found.of], names, path, findings);
  if (element.text.trim() !== '') {
    findings.push({ path, code: 'unexpected' });
  }
  for (const [index, inner] of element.children.entries()) {
    const before = names.slice(0, index).filter((name) => name === inner.name).length;
    const several = names.filter((name) => name === inner.name).length > 1;
    checkElement(found.of, inner, `${path}/${inner.name}${several ? `[${before + 1}]` : ''}`, findings);
  }
}

/** Walks the places and the names together: what no place takes is out of order or foreign. */
function checkOrder(
  places: readonly Place[],
  names: readonly string[],
  path: string,
  findings: Finding[],
): void {
  let at = 0;
  for (const { oneOf, min, max } of places) {
    // Of several a document gives one, and that one as often as it may come.
    const chosen = oneOf.find(({ name }) => name === names[at]);
    let count = 0;
    while (chosen !== undefined && names[at] === chosen.name && count < max) {
      at += 1;
      count += 1;
    }
    if (count < min) {
      findings.push({ path: `${path}/${oneOf.map(({ name }) => name).join('|')}`, code: 'missing' });
    }
  }
  if (at < names.length) {
    findings.push({ path: `${path}/${names[at]}`, code: 'unexpected' });
  }
}

function checkScalar(scalar: Scalar, element: XmlElement, path: string, findings: Finding[]): void {
  const text = element.text.trim();
  const code = element.children.length > 0 ? 'unexpected' : faultOf(scalar, text);
  if (code !== null) {
    findings.push({ path, code });
  }
}

function faultOf(scalar: Scalar, text: string): Finding['code'] | null {
  if (text === '') {
    return 'empty';
  }
  switch (scalar.kind) {
    case 'text':
      return [...text].length > scalar.max ? 'too_long' : null;
    case 'code':
      return scalar.pattern.test(text) ? null : 'not_a_code';
    case 'integer':
      return /^[1-9]\d{0,17}$/.test(text) ? null : 'malformed';
    case 'decimal':
      return DECIMAL.test(text) ? null : 'malformed';
    case 'instant':
      return INSTANT.test(text) && isDay(text) ? null : 'malformed';
    case 'flag':
      return text === 'true' || text === 'false' ? null : 'malformed';
  }
}

function isDay(text: string): boolean {
  try {
    Temporal.PlainDateTime.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}

function checkIndicators(
  element: XmlElement,
  path: string,
  known: ReadonlySet<string>,
  findings: Finding[],
): void {
  for (const { text } of childrenOf(element, 'indicator')) {
    if (!known.has(text.trim())) {
      findings.push({ path: `${path}/indicator`, code: 'not_a_code' });
    }
  }
}
