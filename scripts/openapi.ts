/**
 * `bun run openapi [--check]`: writes docs/openapi.json, the problem pages, the client's types and the pages
 * of audit events and of monitoring rules from the operations and domains, or says whether what is committed equals them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import { operationsOf } from '../src/app.ts';
import { rulesPage } from '../src/domains/aml/monitoring/rules-page.ts';
import { allDomains, platformEndpoints } from '../src/domains.ts';
import { auditRegistry, registryPage } from '../src/platform/audit/registry.ts';
import { openapiDocument } from '../src/platform/http/openapi.ts';
import { allProblems, problemPage } from '../src/platform/http/problem-pages.ts';
import { VERSION } from '../src/platform/http/version.ts';

const docs = join(import.meta.dir, '..', 'docs');
const problemsFolder = join(docs, 'problems');
const operations = operationsOf({ domains: allDomains, platformEndpoints });

const document = openapiDocument(operations, VERSION);
const clientTypes = join(import.meta.dir, '..', 'src', 'demo', 'generated', 'openapi.ts');

const wanted = new Map<string, string>([
  [join(docs, 'openapi.json'), `${JSON.stringify(document, null, 2)}\n`],
  [join(docs, 'compliance', 'audit-events.md'), registryPage(auditRegistry(allDomains))],
  [join(docs, 'compliance', 'monitoring-rules.md'), rulesPage()],
  [clientTypes, astToString(await openapiTS(JSON.stringify(document), { defaultNonNullable: false }))],
]);
for (const code of allProblems(operations).keys()) {
  wanted.set(join(problemsFolder, `${code}.md`), problemPage(operations, code) ?? '');
}

if (process.argv.includes('--check')) {
  const stale = [...wanted].filter(
    ([path, text]) => !existsSync(path) || readFileSync(path, 'utf8') !== text,
  );
  const faults = [
    ...stale.map(([path]) => `${path} differs`),
    ...strays().map((path) => `${path} is left over`),
  ];
  if (faults.length > 0) {
    process.stderr.write(`${faults.join('\n')}\nRun \`bun run openapi\` and commit the result.\n`);
    process.exit(1);
  }
  process.stdout.write(`${wanted.size} documents equal the operations\n`);
} else {
  mkdirSync(problemsFolder, { recursive: true });
  for (const path of strays()) {
    rmSync(path);
  }
  for (const [path, text] of wanted) {
    writeFileSync(path, text);
  }
  process.stdout.write(`Wrote ${wanted.size} documents for ${operations.length} operations\n`);
}

function strays(): string[] {
  const present = existsSync(problemsFolder) ? readdirSync(problemsFolder) : [];
  return present.map((file) => join(problemsFolder, file)).filter((path) => !wanted.has(path));
}
