/** The parts every domain has under the same names, and packages that have one home. */
import type { Repository } from '../repository.ts';
import { isProduct, type Rule } from './rule.ts';

const FRONT = "export { a } from './a.ts';";

const domainFiles: Rule = {
  name: 'a domain with a front door has README.md and, if it owns tables, errors.ts',
  find: (repository) =>
    domainsOf(repository)
      .filter((domain) => repository.paths.includes(`${domain}/index.ts`))
      .flatMap((domain) =>
        (ownsTables(repository, domain) ? ['README.md', 'errors.ts'] : ['README.md'])
          .filter((name) => !repository.paths.includes(`${domain}/${name}`))
          .map((name) => `${domain}: has no ${name}`),
      ),
  planted: [
    { 'src/domains/kyc/index.ts': FRONT, 'src/domains/kyc/errors.ts': '' },
    {
      'src/domains/kyc/index.ts': FRONT,
      'src/domains/kyc/README.md': '',
      'src/domains/kyc/reviews/schema.ts': '',
    },
  ],
  clean: [
    { 'src/domains/kyc/index.ts': FRONT, 'src/domains/kyc/README.md': '' },
    { 'src/domains/kyc/index.ts': FRONT, 'src/domains/kyc/errors.ts': '', 'src/domains/kyc/README.md': '' },
    { 'src/domains/kyc/schema.ts': '' },
  ],
};

const tablesInSchema: Rule = {
  name: 'tables are declared in schema.ts alone',
  find: ({ sources }) =>
    sources
      .filter(({ path }) => isProduct(path) && !path.endsWith('/schema.ts'))
      .filter(({ text }) => /\bpgTable(?:Creator)?\(|\bpgSchema\(/.test(text))
      .map(({ path }) => `${path}: declares a table outside schema.ts`),
  planted: [{ 'src/domains/kyc/store.ts': "export const levels = pgTable('levels', {});" }],
  clean: [{ 'src/domains/kyc/schema.ts': "export const levels = pgTable('levels', {});" }],
};

const oneZodFactory: Rule = {
  name: 'drizzle-zod is imported in one file',
  find: ({ sources }) => {
    const users = sources.filter(
      ({ path, text }) => isProduct(path) && /from ['"]drizzle-zod['"]/.test(text),
    );
    return users.length > 1 ? users.map(({ path }) => `${path}: is one of ${users.length} importers`) : [];
  },
  planted: [
    {
      'src/platform/a.ts': "import { createSchemaFactory } from 'drizzle-zod';",
      'src/domains/kyc/api.ts': "import { createSelectSchema } from 'drizzle-zod';",
    },
  ],
  clean: [{ 'src/platform/a.ts': "import { createSchemaFactory } from 'drizzle-zod';" }],
};

export const anatomyRules: readonly Rule[] = [domainFiles, tablesInSchema, oneZodFactory];

function ownsTables({ paths }: Repository, domain: string): boolean {
  return paths.some((path) => path.startsWith(`${domain}/`) && path.endsWith('/schema.ts'));
}

function domainsOf({ paths }: Repository): string[] {
  const folders = paths.map((path) => /^src\/domains\/[^/]+(?=\/)/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))];
}
