/** A project with one fault for each guard, and one without any. Both get our configuration files. */
type Files = Readonly<Record<string, string>>;

const manifest = (dependencies: Readonly<Record<string, string>>): string =>
  `${JSON.stringify({ name: 'sample', type: 'module', private: true, scripts: { start: 'bun src/main.ts' }, dependencies }, null, 2)}\n`;

const lockfile = (dependencies: Readonly<Record<string, string>>): string =>
  JSON.stringify({ workspaces: { '': { dependencies } }, packages: {} });

const KNIP = '{ "entry": ["scripts/*.ts"], "project": ["src/**/*.ts"] }\n';

export const faultyProject: { readonly files: Files; readonly expected: Readonly<Record<string, string>> } = {
  files: {
    'package.json': manifest({ zod: '^4.6.7' }),
    'bun.lock': lockfile({ zod: '^4.6.7' }),
    'knip.json': KNIP,
    'README.md': 'Start at `src/absent.ts`.\n',
    'src/main.ts': "import { later } from './platform/later.ts';\n\nlater();\n",
    'src/platform/later.ts':
      'export async function later(): Promise<void> {}\n\nexport function unwanted(a: any): number {\n  return a ? 1 : "1";\n}\n',
    'src/platform/upward.ts': "import { port } from '../config.ts';\n\nexport const b = port;\n",
    'src/config.ts': 'export const port = 1;\n',
    'scripts/openapi.ts': "console.error('docs/openapi.json is stale');\nprocess.exit(1);\n",
  },
  expected: {
    format: 'lint/suspicious/noExplicitAny',
    types: 'TS2322',
    lint: 'no-floating-promises',
    boundaries: 'platform-knows-no-domain: src/platform/upward.ts -> src/config.ts',
    unused: 'unwanted',
    openapi: 'docs/openapi.json is stale',
    tidy: 'unwanted is exported without a docstring',
    docs: 'README.md: cites src/absent.ts',
    pins: 'zod is not pinned exactly',
  },
};

export const cleanProject: Files = {
  'package.json': manifest({ zod: '4.6.7' }),
  'bun.lock': lockfile({ zod: '4.6.7' }),
  'knip.json': KNIP,
  'README.md': 'Start at `src/main.ts` with `bun run start`.\n',
  'src/main.ts': "import { length } from './kernel/length.ts';\n\nconsole.log(length('a'));\n",
  'src/kernel/length.ts':
    "import { z } from 'zod';\n\n/** Counts UTF-16 units. */\nexport function length(text: string): number {\n  return z.string().parse(text).length;\n}\n",
  'scripts/openapi.ts': 'process.exit(0);\n',
};
