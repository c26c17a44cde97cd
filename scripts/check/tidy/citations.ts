/** What documents say about the repository, held against the repository. */
import { missingCitations } from '../citations.ts';
import type { Rule } from './rule.ts';

const MANIFEST = { 'package.json': '{"scripts":{"check":"x"}}', 'src/kernel/a.ts': '' };

export const citationRules: readonly Rule[] = [
  {
    name: 'documents cite what exists',
    find: missingCitations,
    planted: [
      'See `src/kernel/b.ts`.',
      'See [the kernel](src/kernel/b.ts).',
      '[kernel]: src/kernel/b.ts',
      '![picture](docs/picture.svg)',
      'See [`b`](../src/kernel/b.ts).',
      'Run `bun run chekc`.',
      'Run `bun run check\\|chekc`.',
      '```sh\nbun run chekc\n```',
      '```\nbun scripts/absent.ts --check\n```',
      'All of `src/kernel/*.sql`.',
      'All of `src/kernels/<name>.ts`.',
      'See `CONTRIBUTING.md`.',
    ].map((text) => ({ ...MANIFEST, 'docs/a.md': text })),
    clean: [
      'See `src/kernel/a.ts`, `src/kernel/` and `src/kernel/a.ts:12`.',
      'See [the kernel](../src/kernel/a.ts#L1), [this](#part) and [that](https://example.com/src/x.ts).',
      'Run `bun run check`, then `bun run`.',
      'All of `src/kernel/*.ts`, `src/{kernel,platform}/a.ts` and `src/kernel/<name>.ts`.',
      'In prose src/kernel/b.ts is only talk; `/docs/b.ts` is an address.',
      'See `a.md` and `package.json`.',
      '```ts\nconst link = list[0](absent);\n```',
    ].map((text) => ({ ...MANIFEST, 'docs/a.md': text })),
  },
];
