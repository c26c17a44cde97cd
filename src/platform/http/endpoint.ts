/**
 * An operation as data: who may, what goes in, what comes out, which refusals it can give. The
 * router, the OpenAPI document and the coverage tests are all made from these, so none can be
 * forgotten.
 */
import type { z } from '@hono/zod-openapi';
import type { Role } from '../../kernel/actor.ts';
import type { ProblemTable } from '../../kernel/error.ts';
import type { Ctx } from '../context.ts';
import type { RateClass } from './rate-policy.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * Who may call. `customer: true` admits customers to their own rows, `self: true` anyone signed in to
 * what is theirs as a person (profile, sessions, second factor); `staff` names the roles that see or
 * act on everybody's. A caller with one of those roles acts as staff.
 */
export type Access =
  | { readonly public: true }
  | {
      readonly customer?: true;
      readonly self?: true;
      readonly staff?: readonly Role[];
      /** What an API key must carry; without one, API keys are refused. */
      readonly scope?: string;
      /**
       * A second factor checked within five minutes; API keys are refused, but for service keys that
       * carry the declared scope.
       */
      readonly stepUp?: true;
    };

export type BodyKind = 'json' | 'multipart' | 'raw';

export type Reply = {
  readonly status: number;
  /** A value of the declared schema, a Response for streams and files, or undefined for 204. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Input<Params, Query, Body> = {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The headers named in `reads`, an empty text where one was not sent. */
  readonly headers: Readonly<Record<string, string>>;
};

export type EndpointDefinition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
> = {
  readonly operationId: string;
  readonly method: Method;
  /** OpenAPI form: `/v1/deposits/{id}`. */
  readonly path: string;
  /** The last parameter takes the rest of the path, slashes included. */
  readonly tail?: true;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /**
   * What a request is counted as; by default `read` for GET and `write` for all else. `none` is for what
   * must answer when the database does not.
   */
  readonly rate?: RateClass | 'none';
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly bodyKind?: BodyKind;
  /** The content types of a raw body, the usual one first; any unless given. */
  readonly bodyTypes?: readonly string[];
  /** Headers the handler is given, in lower case, such as a signature over a raw body. */
  readonly reads?: readonly string[];
  /** Larger bodies are refused with 413. @units bytes */
  readonly maxBodyBytes?: number;
  /** An example of the request body. */
  readonly example?: unknown;
  /** The success answers: a schema, `null` for none, `'binary'` for a file or stream. */
  readonly responses: { readonly [status: number]: z.ZodType | null | { readonly binary: string } };
  /** The refusals of the domain that this operation can give; the platform's own are added. */
  readonly problems?: ProblemTable;
  /**
   * `transaction`: the framework claims the Idempotency-Key in the effect's transaction and keeps
   * the answer. `verb`: required as well, but the verb keeps the key on its own rows.
   */
  readonly idempotency?: 'transaction' | 'verb';
  /** The operation needs `If-Match` with the version it changes. */
  readonly ifMatch?: true;
  /** The audit category of refused attempts. */
  readonly category?:
    | 'authentication'
    | 'trading'
    | 'compliance'
    | 'admin_action'
    | 'system'
    | 'financial'
    | 'security';
  /** It may change something while the installation is in recovery; reads always work. */
  readonly inRecovery?: true;
  /** Refusals of this operation are visible to compliance, MLRO and auditors only. */
  readonly restricted?: true;
  /** It turns the request into a WebSocket; the credential may then come in the first message. */
  readonly websocket?: true;
  /** The verb itself records whom staff saw, with an event of its own. */
  readonly recordsReads?: true;
  /**
   * What stays whatever becomes of the operation, in transactions of its own: it runs before the one that claims the
   * key is open, since to wait for a second connection while holding one can make all of them wait.
   */
  readonly before?: (
    ctx: Ctx,
    input: Input<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<void>;
  readonly handler: (
    ctx: Ctx,
    input: Input<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Reply>;
};

/** An endpoint whose input types are forgotten, for the router. */
export type Endpoint = Omit<EndpointDefinition<z.ZodObject, z.ZodObject, z.ZodType>, 'handler' | 'before'> & {
  readonly before?: (ctx: Ctx, input: Input<never, never, never>) => Promise<void>;
  readonly handler: (ctx: Ctx, input: Input<never, never, never>) => Promise<Reply>;
};

/** Declares an operation; the handler's input has the types of the schemas. */
export function endpoint<
  Params extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Query extends z.ZodObject = z.ZodObject<Record<never, never>>,
  Body extends z.ZodType = z.ZodUndefined,
>(definition: EndpointDefinition<Params, Query, Body>): Endpoint {
  // The pipeline parses each part with the schema declared beside the handler before calling it.
  return definition as unknown as Endpoint;
}

/** What a request of this operation is counted as. */
export function rateClassOf({ rate, method }: Endpoint): RateClass | 'none' {
  return rate ?? (method === 'get' ? 'read' : 'write');
}

/** True when the operation changes something. */
export function isWrite(operation: Endpoint): boolean {
  return operation.method !== 'get';
}

/** True where every member of a posted JSON body may be left out: then the body may be, too. */
export function mayLackBody({ method, body, bodyKind }: Endpoint): boolean {
  const isJson = body !== undefined && (bodyKind ?? 'json') === 'json';
  return method === 'post' && isJson && takesNothing(body);
}

/** Schemas that an empty object fits; asked once of each, since every request asks. */
const fitsNothing = new WeakMap<z.ZodType, boolean>();

function takesNothing(body: z.ZodType): boolean {
  const fits = fitsNothing.get(body) ?? body.safeParse({}).success;
  fitsNothing.set(body, fits);
  return fits;
}

/** The picks of a problem table an operation can give. */
export function pickProblems<const Table extends ProblemTable>(
  table: Table,
  ...codes: readonly (keyof Table & string)[]
): ProblemTable {
  return Object.fromEntries(codes.map((code) => [code, table[code] as Table[string]]));
}
