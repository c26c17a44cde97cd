import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Api, ok, UnexpectedAnswer, until } from './client.ts';
import type { Journey, Step } from './journey.ts';
import { CUSTOMER, person } from './journey-identity.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

type ListPlan = {
  readonly kind: 'ofac_sdn' | 'un_consolidated';
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
};

export const kycSteps: readonly Step[] = [
  {
    title: 'Compliance imports the official sanctions lists',
    run: async (journey) => {
      const plans = journey.listsFolder === null ? [] : plansIn(journey.listsFolder);
      if (plans.length === 0) {
        return 'skipped: no list files here, the fictional demo list is active';
      }
      const compliance = await person(journey, 'compliance');
      const counts: string[] = [];
      for (const plan of plans) {
        counts.push(await importPlan(compliance, plan));
      }
      return counts.join(', ');
    },
  },
  {
    title: 'A listed name is found, with what explains the score',
    run: async (journey) => {
      const compliance = await person(journey, 'compliance');
      const name = journey.listsFolder === null ? 'Balthazar Ferrington' : 'Eric Badege';
      const screening = await ok(
        compliance.POST('/v1/aml/screenings', { body: { subject: { name, kind: 'person' } } }),
      );
      const best = screening.matches[0];
      if (best === undefined) {
        throw new UnexpectedAnswer(`${name} was not found on the lists`);
      }
      return `${name} ~ ${best.matchedName} (${best.listKind}), score ${best.score}`;
    },
  },
  {
    title: 'The customer applies, uploads a passport, certifies for tax and hands the application in',
    run: async (journey) => {
      const { api } = journey.customer;
      const application = await ok(
        api.POST('/v1/kyc/applications', {
          body: {
            level: 'basic',
            declaration: {
              ...CUSTOMER,
              birthDate: birthDateOf(journey),
              nationality: 'MUS',
              address: { street: '4 Rue Desforges', city: 'Port Louis', country: 'MUS' },
              occupation: 'Architect',
              purpose: 'Long-term investment',
              sourceOfFunds: 'Salary',
              taxResidence: 'MUS',
              politicallyExposed: false,
            },
          },
        }),
      );
      const path = { id: application.id };
      await ok(
        api.POST('/v1/kyc/applications/{id}/documents', {
          params: { path },
          body: { type: 'passport', file: 'sent as a form' },
          bodySerializer: () => passportForm(journey),
        }),
      );
      await ok(
        api.POST('/v1/kyc/applications/{id}/declarations', {
          params: { path },
          body: {
            kind: 'tax_residence',
            content: { residences: [{ country: 'MUS', taxNumber: 'A1234567' }] },
          },
        }),
      );
      await ok(
        api.POST('/v1/kyc/applications/{id}/declarations', {
          params: { path },
          body: {
            kind: 'fatca_crs',
            content: { usPerson: false, entityType: 'individual', certified: true },
          },
        }),
      );
      const submitted = await ok(api.POST('/v1/kyc/applications/{id}/submit', { params: { path } }));
      return `application ${submitted.id} is ${submitted.status}`;
    },
  },
  {
    title: 'Screening clears the applicant; a reviewer approves',
    run: async (journey) => {
      const compliance = await person(journey, 'compliance');
      const mine = await ok(journey.customer.api.GET('/v1/kyc/applications'));
      const id = mine.data[0]?.id ?? '';
      const approved = await until('screening', async () => {
        const answer = await compliance.POST('/v1/kyc/applications/{id}/approve', {
          params: { path: { id } },
          body: { reason: 'Passport verified, screened clear' },
        });
        const waiting = (answer.error as { code?: string } | undefined)?.code === 'screening_not_clear';
        return waiting ? undefined : ok(Promise.resolve(answer));
      });
      return `application is ${'status' in approved ? approved.status : 'before a second person'}`;
    },
  },
  {
    title: 'Nothing of the screening is visible to the customer',
    run: async (journey) => {
      const answer = await journey.customer.api.GET('/v1/aml/screenings');
      if (answer.response.status !== 403) {
        throw new UnexpectedAnswer(`a customer was answered ${answer.response.status}`);
      }
      return 'forbidden';
    },
  },
];

/** Another in each run: one person with two accounts would be a matter for a second reviewer. */
function birthDateOf({ runId }: Journey): string {
  const days = [...runId].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 9_000, 0);
  return new Date(Date.UTC(1970, 0, 1 + days)).toISOString().slice(0, 10);
}

/** The forms a browser would send; the typed client only knows JSON. */
function passportForm({ runId }: Journey): FormData {
  const form = new FormData();
  form.set('type', 'passport');
  form.set('file', new File([PIXEL], 'passport.png', { type: 'image/png' }));
  form.set('issuingCountry', 'MUS');
  form.set('number', `P${runId.toUpperCase()}`);
  form.set('expiresOn', '2034-06-30');
  return form;
}

function plansIn(folder: string): ListPlan[] {
  const find = (part: string, pattern: RegExp): string | undefined => {
    const inside = join(folder, part);
    const file = existsSync(inside) ? readdirSync(inside).find((name) => pattern.test(name)) : undefined;
    return file === undefined ? undefined : join(inside, file);
  };
  const [primary, aliases, addresses] = [
    find('ofac', /^sdn.*\.csv$/),
    find('ofac', /^alt.*\.csv$/),
    find('ofac', /^add.*\.csv$/),
  ];
  const un = find('un', /\.xml$/);
  const plans: ListPlan[] = [];
  if (primary !== undefined && aliases !== undefined && addresses !== undefined) {
    plans.push({ kind: 'ofac_sdn', name: 'OFAC SDN', files: { primary, aliases, addresses } });
  }
  if (un !== undefined) {
    plans.push({ kind: 'un_consolidated', name: 'UN Security Council', files: { file: un } });
  }
  return plans;
}

async function importPlan(compliance: Api, plan: ListPlan): Promise<string> {
  const { data: lists } = await ok(compliance.GET('/v1/aml/lists'));
  const known = lists.find((list) => list.kind === plan.kind);
  const list =
    known ?? (await ok(compliance.POST('/v1/aml/lists', { body: { kind: plan.kind, name: plan.name } })));
  const answer = await compliance.POST('/v1/aml/lists/{id}/import', {
    params: { path: { id: list.id } },
    body: {},
    bodySerializer: () => {
      const form = new FormData();
      for (const [part, path] of Object.entries(plan.files)) {
        form.set(part, new File([readFileSync(path)], `${part}.txt`));
      }
      return form;
    },
  });
  if ((answer.error as { code?: string } | undefined)?.code === 'list_unchanged') {
    return `${plan.name}: unchanged`;
  }
  const imported = await ok(Promise.resolve(answer));
  const version = 'waiting' in imported ? imported.waiting : imported;
  return `${plan.name}: ${version.entityCount} entries`;
}
