import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/platform/**/schema.ts', './src/domains/**/schema.ts'],
  out: './migrations',
  // Only the studio command reads it; migrations run through scripts/db-migrate.ts.
  dbCredentials: { url: process.env.DATABASE_MIGRATOR_URL ?? process.env.DATABASE_URL ?? '' },
});
