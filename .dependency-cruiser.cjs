/**
 * Who may import whom. docs/architecture.md explains the table of domains; a domain that is not in it
 * may import nothing. Runs on the TypeScript 6 compiler: with 7 dependency-cruiser sees no modules,
 * which scripts/check/boundaries.ts turns into a failure by counting them.
 */
const TRADING_MAY = ['identity', 'accounts', 'ledger', 'markets', 'risk'];
const PAPER_MAY = [...TRADING_MAY, 'trading'];

const DOMAINS = {
  identity: [],
  accounts: ['identity'],
  markets: ['identity'],
  events: ['identity'],
  kyc: ['identity'],
  ledger: ['identity', 'accounts'],
  aml: ['identity', 'kyc'],
  risk: ['identity', 'accounts', 'markets'],
  funding: ['identity', 'accounts', 'ledger', 'kyc', 'aml'],
  trading: TRADING_MAY,
  paper: PAPER_MAY,
  reports: [...PAPER_MAY, 'events', 'kyc', 'aml', 'funding', 'paper'],
  audit: [],
};

/** Tests, the harness, and what a domain offers to tests in a folder of that name. */
const TEST = '(?:\\.test\\.tsx?$|/testing/)';
const PACKAGE = 'node_modules/';

/** Type-only imports vanish at run time, so a pure file may name the types of an impure one. */
const RUN_TIME = { dependencyTypesNot: ['type-only'] };

const domainArrows = Object.entries(DOMAINS).map(([domain, mayImport]) => ({
  name: `domain-${domain}`,
  comment: `${domain} may import ${mayImport.join(', ') || 'no other domain'}`,
  severity: 'error',
  from: { path: `^src/domains/${domain}/`, pathNot: TEST },
  to: { path: '^src/domains/', pathNot: `^src/domains/(?:${[domain, ...mayImport].join('|')})/` },
}));

module.exports = {
  forbidden: [
    {
      name: 'kernel-is-pure',
      comment: 'the kernel imports nothing but itself and zod',
      severity: 'error',
      from: { path: '^src/kernel/', pathNot: TEST },
      to: { pathNot: ['^src/kernel/', `${PACKAGE}zod/`] },
    },
    {
      name: 'platform-knows-no-domain',
      comment: 'the platform imports the kernel, itself and packages',
      severity: 'error',
      from: { path: '^src/platform/', pathNot: TEST },
      to: { path: '^(?:src|scripts)/', pathNot: '^src/(?:kernel|platform)/' },
    },
    {
      name: 'config-comes-first',
      comment: 'config is read before any domain exists',
      severity: 'error',
      from: { path: '^src/config\\.ts$' },
      to: { path: '^(?:src|scripts)/', pathNot: '^src/(?:kernel|platform)/' },
    },
    {
      name: 'domains-stay-below-the-top',
      comment: 'a domain imports kernel, platform and domains; configuration reaches it through deps',
      severity: 'error',
      from: { path: '^src/domains/', pathNot: TEST },
      to: { path: '^(?:src|scripts)/', pathNot: '^src/(?:kernel|platform|domains)/' },
    },
    ...domainArrows,
    {
      name: 'domain-not-in-the-table',
      comment: 'a new domain states what it may import before it imports anything of ours',
      severity: 'error',
      from: { path: '^src/domains/', pathNot: `^src/domains/(?:${Object.keys(DOMAINS).join('|')})/` },
      to: { path: '^src/' },
    },
    {
      name: 'front-door',
      comment: 'another domain is entered through its index.ts',
      severity: 'error',
      from: { path: '^src/domains/([^/]+)/', pathNot: [TEST, '^src/domains/.*/schema\\.ts$'] },
      to: { path: '^src/domains/', pathNot: ['^src/domains/$1/', '^src/domains/[^/]+/index\\.ts$'] },
    },
    {
      name: 'schema-to-schema',
      comment: 'for foreign keys a schema.ts imports another schema.ts, and nothing else of another domain',
      severity: 'error',
      from: { path: '^src/domains/([^/]+)/.*schema\\.ts$' },
      to: { path: '^src/domains/', pathNot: ['^src/domains/$1/', '^src/domains/[^/]+/schema\\.ts$'] },
    },
    {
      name: 'front-door-for-tests',
      comment: 'a test may use any domain, through its index.ts or its tables',
      severity: 'error',
      from: { path: `^src/domains/([^/]+).*${TEST}` },
      to: {
        path: '^src/domains/',
        pathNot: [
          '^src/domains/$1/',
          '^src/domains/[^/]+/(?:index|schema)\\.ts$',
          '^src/domains/[^/]+/[^/]+/schema\\.ts$',
        ],
      },
    },
    {
      name: 'front-door-from-the-top',
      comment: 'app, main, deps and console enter a domain through its index.ts',
      severity: 'error',
      from: { path: '^src/(?!domains/)', pathNot: TEST },
      to: { path: '^src/domains/', pathNot: '^src/domains/[^/]+/index\\.ts$' },
    },
    {
      name: 'nothing-imports-main',
      comment: 'main.ts is the entry: importing it would start a server',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: '^src/main\\.ts$' },
    },
    {
      name: 'no-tests-in-the-product',
      comment: 'what ships imports neither tests, nor the harness, nor scripts',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: ['^scripts/', TEST] },
    },
    {
      name: 'no-development-packages-in-the-product',
      comment: 'what ships imports dependencies, not devDependencies (types and the runtime itself excused)',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only'],
        pathNot: `${PACKAGE}bun(?:-types)?/`,
      },
    },
    {
      name: 'rules-are-pure',
      comment: 'rules.ts decides from values: no SQL, no HTTP, no platform, no machine',
      severity: 'error',
      from: { path: '^src/domains/.+/rules\\.ts$' },
      to: { path: ['^src/platform/', `${PACKAGE}(?:hono|drizzle-orm|postgres)/`], ...RUN_TIME },
    },
    {
      name: 'rules-ask-no-machine',
      comment: 'rules.ts uses no module of the runtime',
      severity: 'error',
      from: { path: '^src/domains/.+/rules\\.ts$' },
      to: { dependencyTypes: ['core'], ...RUN_TIME },
    },
    {
      name: 'routes-hold-no-query',
      comment: 'a handler takes valid input, calls one verb, responds',
      severity: 'error',
      from: { path: '^src/domains/.+routes\\.tsx?$' },
      to: { path: `${PACKAGE}(?:drizzle-orm|postgres)/`, ...RUN_TIME },
    },
    {
      name: 'no-cycle',
      comment: 'a cycle that exists at run time makes the order of loading matter',
      severity: 'error',
      from: { path: '^(?:src|scripts)/' },
      to: { circular: true, viaOnly: RUN_TIME },
    },
    {
      name: 'resolves',
      comment: 'an import that resolves to nothing is seen by no other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^bun(?::|$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'bun', 'node', 'types', 'default'],
    },
  },
};
