/**
 * The registry is closed: whatever declares events anywhere is in it, once, and what the log of a whole
 * firm holds bears nothing else.
 */
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allDomains } from '../domains.ts';
import { auditEvents } from '../platform/audit/events.ts';
import { auditRegistry } from '../platform/audit/registry.ts';

const SOURCES = join(import.meta.dir, '..');
const registry = auditRegistry(allDomains);

test('every event declared in the sources is in it', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing/'),
  );
  const declaring = files.filter((file) =>
    /= auditEvents\(\{/.test(readFileSync(join(SOURCES, file), 'utf8')),
  );
  const declared = declaring.flatMap((file) => {
    const text = readFileSync(join(SOURCES, file), 'utf8');
    return [...text.slice(text.indexOf('= auditEvents({')).matchAll(/^ {2}'([a-z_]+\.[a-z_]+)': \{/gm)].map(
      (match) => match[1] ?? '',
    );
  });
  expect(declaring.length).toBeGreaterThan(10);
  expect(declared.toSorted()).toEqual(registry.map(({ type }) => type).toSorted());
});

test('two parts cannot declare one type, and none can bear a name of another form', () => {
  const table = (type: string) => ({
    name: 'planted',
    auditEvents: Object.values(
      auditEvents({ [type]: { category: 'system', severity: 'info', description: 'Planted', shows: [] } }),
    ),
  });
  expect(() => auditRegistry([table('job.failed')])).toThrow('declared once');
  expect(() => auditRegistry([table('thing.made'), table('thing.made')])).toThrow('declared once');
  expect(() => auditRegistry([table('Thing made')])).toThrow('of the form');
});
