/**
 * `bun run db:generate [--name NAME] [--custom]`: lets drizzle-kit write the next migration from the
 * schemas, then adds the partition clauses it cannot express.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PARTITIONED_BY } from '../src/platform/db/partitions.ts';

const folder = join(import.meta.dir, '..', 'migrations');
const before = new Set(migrationFiles());
const run = Bun.spawnSync(['bun', '--bun', 'drizzle-kit', 'generate', ...process.argv.slice(2)], {
  stdio: ['inherit', 'inherit', 'inherit'],
});
if (run.exitCode !== 0) {
  process.exit(run.exitCode ?? 1);
}
for (const file of migrationFiles()) {
  if (!before.has(file)) {
    const path = join(folder, file);
    writeFileSync(path, withPartitions(readFileSync(path, 'utf8')));
  }
}

function migrationFiles(): string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.sql'));
}

function withPartitions(sqlText: string): string {
  let text = sqlText;
  for (const [table, column] of Object.entries(PARTITIONED_BY)) {
    const start = text.indexOf(`CREATE TABLE "${table}" (`);
    if (start >= 0) {
      const end = text.indexOf('\n);', start);
      text = `${text.slice(0, end)}\n) PARTITION BY RANGE ("${column}");${text.slice(end + 3)}`;
    }
  }
  return text;
}
