import { z } from '@hono/zod-openapi';

const text = (max: number) => z.string().trim().min(1).max(max);
const country = z.string().regex(/^[A-Z]{2}$/);
const codes = z.record(z.string().regex(/^[a-z_0-9]{1,40}$/), text(40));

const Settings = z.strictObject({
  /** The number the FIU gave the firm. */
  rentityId: z.int().positive(),
  rentityBranch: text(255).optional(),
  /** What the firm is called, and the branch that keeps the accounts. */
  institution: text(255),
  /** @units ISO 9362; for a firm without one a number of its own is used */
  swift: z
    .string()
    .regex(/^[A-Z0-9]{8}([A-Z0-9]{3})?$/)
    .optional(),
  branch: text(255),
  reportingPerson: z.strictObject({
    firstName: text(100),
    lastName: text(100),
    email: text(255).optional(),
    occupation: text(255).optional(),
  }),
  location: z.strictObject({ street: text(100), city: text(255), country }),
  /** The codes of the country, where they are not those that come with the program. */
  codes: z
    .strictObject({
      transmode: codes.optional(),
      funds: codes.optional(),
      accountType: codes.optional(),
      accountStatus: codes.optional(),
      addressType: codes.optional(),
      contactType: codes.optional(),
      communicationType: codes.optional(),
      identifierType: codes.optional(),
      role: codes.optional(),
      /** The indicators that may be given, by the firm's own words for them; any where none is listed. */
      indicator: codes.optional(),
    })
    .optional(),
});

/** How the firm is known to the FIU, and the codes its goAML takes. */
export type GoamlSettings = z.infer<typeof Settings>;

/** Reads the settings as JSON. @errors Error that names the members that are wrong */
export function parseGoaml(written: string): GoamlSettings {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    throw new Error('must be JSON');
  }
  const read = Settings.safeParse(value);
  if (!read.success) {
    const wrong = read.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
    throw new Error(`must say how the firm is known to the FIU (${wrong.join('; ')})`);
  }
  return read.data;
}
