/**
 * One planted breach per import rule, all in one project, and a project that breaks none. A breach is
 * the file that imports, with what it imports beside it.
 */
type Files = Readonly<Record<string, string>>;

const TARGET = 'export const a = 1;\nexport type A = 1;\n';
const imports = (path: string): string => `import { a } from '${path}';\nexport const b = a;\n`;
const importsType = (path: string): string => `import type { A } from '${path}';\nexport type B = A;\n`;
const importsPackage = (name: string, from: string): string =>
  `import { ${name} } from '${from}';\nexport const b = ${name};\n`;

/** Each domain reaches for one it may not know: nobody may know `reports`, nor `reports` the `audit`. */
function domainBreaches(domains: readonly string[]): [string, Files][] {
  return domains.map((domain) => {
    const refused = domain === 'reports' ? 'audit' : 'reports';
    return [
      `domain-${domain}`,
      {
        [`src/domains/${domain}/arrow.ts`]: importsType(`../${refused}/index.ts`),
        [`src/domains/${refused}/index.ts`]: TARGET,
      },
    ];
  });
}

/** The first file of each entry is the one that breaks the rule of that name. */
export const boundarySamples: Readonly<Record<string, Files>> = {
  ...Object.fromEntries(
    domainBreaches([
      'identity',
      'accounts',
      'markets',
      'events',
      'kyc',
      'ledger',
      'aml',
      'risk',
      'funding',
      'trading',
      'paper',
      'reports',
      'audit',
    ]),
  ),
  'kernel-is-pure': { 'src/kernel/impure.ts': importsPackage('join', 'node:path') },
  'platform-knows-no-domain': {
    'src/platform/upward.ts': importsType('../domains/kyc/index.ts'),
    'src/domains/kyc/index.ts': TARGET,
  },
  'config-comes-first': {
    'src/config.ts': imports('./domains/kyc/index.ts'),
    'src/domains/kyc/index.ts': TARGET,
  },
  'domains-stay-below-the-top': {
    'src/domains/kyc/upward.ts': imports('../../deps.ts'),
    'src/deps.ts': TARGET,
  },
  'domain-not-in-the-table': {
    'src/domains/casino/bet.ts': imports('../../kernel/a.ts'),
    'src/kernel/a.ts': TARGET,
  },
  'front-door': {
    'src/domains/kyc/side-door.ts': imports('../identity/store.ts'),
    'src/domains/identity/store.ts': TARGET,
  },
  'schema-to-schema': {
    'src/domains/kyc/schema.ts': imports('../identity/index.ts'),
    'src/domains/identity/index.ts': TARGET,
  },
  'front-door-for-tests': {
    'src/domains/kyc/side-door.test.ts': imports('../identity/store.ts'),
    'src/domains/identity/store.ts': TARGET,
  },
  'front-door-from-the-top': {
    'src/app.ts': imports('./domains/kyc/routes.ts'),
    'src/domains/kyc/routes.ts': TARGET,
  },
  'nothing-imports-main': { 'src/start.ts': imports('./main.ts'), 'src/main.ts': TARGET },
  'no-tests-in-the-product': {
    'src/platform/untested.ts': imports('../testing/harness.ts'),
    'src/testing/harness.ts': TARGET,
  },
  'no-development-packages-in-the-product': {
    'src/platform/development.ts': importsPackage('assert', 'fast-check'),
    'package.json': '{ "devDependencies": { "fast-check": "4.10.2" } }',
  },
  'rules-are-pure': {
    'src/domains/kyc/rules.ts': imports('../../platform/a.ts'),
    'src/platform/a.ts': TARGET,
  },
  'rules-ask-no-machine': { 'src/domains/aml/cases/rules.ts': importsPackage('join', 'node:path') },
  'routes-hold-no-query': { 'src/domains/aml/cases/routes.ts': importsPackage('sql', 'drizzle-orm') },
  'no-cycle': {
    'src/kernel/cycle-a.ts': "import { b } from './cycle-b.ts';\nexport const a = () => b;\n",
    'src/kernel/cycle-b.ts': "import { a } from './cycle-a.ts';\nexport const b = () => a;\n",
  },
  resolves: { 'src/kernel/lost.ts': imports('./absent.ts') },
};

export const cleanBoundaries: Files = {
  'src/kernel/a.ts': "import { z } from 'zod';\nexport const a = z.string();\n",
  'src/kernel/a.test.ts':
    "import { test } from 'bun:test';\nimport { a } from './a.ts';\ntest('a', () => void a);\n",
  'src/platform/a.ts': importsPackage('join', 'node:path'),
  'src/platform/b.ts': imports('../kernel/a.ts'),
  'src/platform/types.ts': "import type { B } from './types-back.ts';\nexport type A = 1 | B[];\n",
  'src/platform/types-back.ts':
    "import type { A } from './types.ts';\nexport type B = A;\nexport const b = 1;\n",
  'src/platform/types-used.ts': "import { b } from './types-back.ts';\nexport const c = b;\n",
  'src/config.ts': imports('./kernel/a.ts'),
  'src/domains/identity/schema.ts': TARGET,
  'src/domains/identity/index.ts': imports('./schema.ts'),
  'src/domains/kyc/schema.ts': imports('../identity/schema.ts'),
  'src/domains/kyc/rules.ts': importsType('../../platform/types.ts'),
  'src/domains/kyc/approve.ts': "import { b } from '../identity/index.ts';\nexport const c = b;\n",
  'src/domains/kyc/approve.test.ts': imports('../identity/schema.ts'),
  'src/domains/kyc/index.ts': "export { c } from './approve.ts';\n",
  'src/app.ts': "import { c } from './domains/kyc/index.ts';\nexport const d = c;\n",
  'src/main.ts': "import { d } from './app.ts';\nvoid d;\n",
  'src/domains/ledger/testing/table.ts': importsPackage('assert', 'fast-check'),
  'src/testing/harness.ts': imports('../domains/identity/schema.ts'),
  'scripts/a.ts': imports('../src/domains/identity/schema.ts'),
};
