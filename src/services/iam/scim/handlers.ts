/** Handlers of directories: their credentials, and SCIM's operations by the library. */
import { Resources } from "scimmy";
import { type Context, timeText } from "../../../kernel/context.ts";
import { newSecret } from "../../../kernel/id.ts";
import { hashSecret } from "../../../kernel/identity/authenticate.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Handlers } from "../../../kernel/service.ts";
import { pageInMemory } from "../../../kernel/store/page.ts";
import { checkCidrs } from "../access-keys.ts";
import type { iamContract } from "../contract.ts";
import { limits, scimTokenText } from "../domain.ts";
import { refuseBeyondBoundary, refuseBeyondLimit } from "../guards.ts";
import { loadProvider } from "../oidc/providers.ts";
import { keepGroups } from "./groups.ts";
import {
  refusePassword,
  SCIM_BASE,
  type ScimCall,
  type ScimResource,
  scimFault,
  scimLimits,
  scimRun,
  searchOf,
  withBooleans,
} from "./protocol.ts";
import { scimCredentialStore } from "./store.ts";
import { keepUsers } from "./users.ts";

type All = Handlers<typeof iamContract>;

export function scimCredentialHandlers(): Pick<
  All,
  "listScimCredentials" | "createScimCredential" | "deleteScimCredential"
> {
  return {
    async listScimCredentials({ sql, accountId }, input) {
      const all = await scimCredentialStore(sql).list(accountId);
      const page = pageInMemory(all, input, ["scimCredentialId", "name", "oidcProviderId"]);
      return { scimCredentials: page.items, totalCount: page.totalCount };
    },
    async createScimCredential(context, { name, oidcProviderId, ttlSeconds, sourceCidrs = [] }) {
      const { accountId, nowMs, sql } = context;
      refuseBeyondBoundary(context);
      checkCidrs(sourceCidrs);
      if (oidcProviderId !== undefined) await loadProvider(context, oidcProviderId);
      const store = scimCredentialStore(sql);
      const count = (await store.list(accountId)).length;
      refuseBeyondLimit(count, limits.scimCredentialsMax, "credentials of directories");
      const secret = scimTokenText(newSecret());
      const scimCredential = {
        scimCredentialId: context.newId("scim"),
        name,
        sourceCidrs,
        oidcProviderId: oidcProviderId ?? null,
        createTime: timeText(nowMs),
        lastUseTime: null,
        expireTime: ttlSeconds === undefined ? null : timeText(nowMs + ttlSeconds * 1000),
      };
      await store.insert(accountId, { ...scimCredential, secretHash: hashSecret(secret) });
      return { scimCredential, secret, basePath: SCIM_BASE };
    },
    async deleteScimCredential({ sql, accountId }, { scimCredentialId }) {
      const deleted = await scimCredentialStore(sql).delete(accountId, scimCredentialId);
      if (deleted.length === 0) throw new Problem("iam.scimCredentialNotFound");
      return {};
    },
  };
}

/** What both kinds of resource can, as the library has it. */
type Kind = new (
  id?: string,
  config?: Record<string, unknown>,
) => {
  read(call: ScimCall): Promise<unknown>;
  write(instance: object, call: ScimCall): Promise<unknown>;
  patch(message: object, call: ScimCall): Promise<unknown>;
  dispose(call: ScimCall): Promise<unknown>;
};

const plain = (value: unknown): ScimResource => JSON.parse(JSON.stringify(value ?? {}));

/** @throws Problem iam.scimInvalid for a filter that cannot be read. */
function resourceOf(kind: Kind, id: string | undefined, search: Record<string, unknown>) {
  try {
    return new kind(id, search);
  } catch (error) {
    const isFilter = search.filter !== undefined && error instanceof TypeError;
    throw isFilter ? scimFault("invalidFilter", error.message) : error;
  }
}

const SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/** @throws Problem iam.scimInvalid for a message of another kind. */
function checkSchema(schemas: readonly string[], wanted: string): void {
  if (schemas[0] !== wanted) throw scimFault("invalidSyntax", `schemas must be ["${wanted}"]`);
}

function operationsOf(kind: Kind) {
  const one = async (
    context: Context,
    { input, changes }: { input: Readonly<Record<string, unknown>>; changes: boolean },
    work: (resource: InstanceType<Kind>, call: ScimCall) => Promise<unknown>,
  ): Promise<ScimResource> =>
    scimRun({ context, changes }, async (call) => {
      const { scimId, ...rest } = input;
      const id = scimId === undefined ? undefined : String(scimId);
      const search = rest.schemas === undefined ? searchOf(rest) : {};
      return plain(await work(resourceOf(kind, id, search), call));
    });
  type Input = Readonly<Record<string, unknown>>;
  const bodyOf = ({ scimId: _, ...body }: Input) => {
    refusePassword(body);
    return withBooleans(body);
  };
  const read = (context: Context, input: Input) =>
    one(context, { input, changes: false }, (it, call) => it.read(call));
  return {
    read,
    search(context: Context, input: Input & { schemas: readonly string[] }) {
      const { schemas, attributes, excludedAttributes, ...rest } = input;
      checkSchema(schemas, SEARCH);
      const listed = Object.entries({ attributes, excludedAttributes }).flatMap(([name, list]) =>
        Array.isArray(list) ? [[name, list.join(",")]] : [],
      );
      return read(context, { ...rest, ...Object.fromEntries(listed) });
    },
    write: (context: Context, input: Input) =>
      one(context, { input, changes: true }, (it, call) => it.write(bodyOf(input), call)),
    async patch(context: Context, input: Input) {
      const given = { input, changes: true };
      const answer = await one(context, given, (it, call) => it.patch(bodyOf(input), call));
      // A change that changed nothing answers with what is there.
      return Object.keys(answer).length > 0 ? answer : read(context, { scimId: input.scimId });
    },
    async dispose(context: Context, input: Input) {
      await one(context, { input, changes: true }, (it, call) => it.dispose(call));
      return {};
    },
  };
}

type ScimHandlers = Pick<
  All,
  | "scimListUsers"
  | "scimGetUser"
  | "scimCreateUser"
  | "scimReplaceUser"
  | "scimUpdateUser"
  | "scimDeleteUser"
  | "scimListGroups"
  | "scimGetGroup"
  | "scimCreateGroup"
  | "scimReplaceGroup"
  | "scimUpdateGroup"
  | "scimDeleteGroup"
  | "scimSearchUsers"
  | "scimSearchGroups"
  | "scimBulk"
  | "scimGetMe"
  | "scimDescribe"
>;

export function scimHandlers(): ScimHandlers {
  keepUsers();
  keepGroups();
  const users = operationsOf(Resources.User as unknown as Kind);
  const groups = operationsOf(Resources.Group as unknown as Kind);
  const documents: Readonly<Record<string, () => Promise<unknown>>> = {
    ServiceProviderConfig: () => new Resources.ServiceProviderConfig().read(),
    ResourceTypes: () => new Resources.ResourceType().read(),
    Schemas: () => new Resources.Schema().read(),
  };
  return {
    scimListUsers: users.read,
    scimGetUser: users.read,
    scimCreateUser: users.write,
    scimReplaceUser: users.write,
    scimUpdateUser: users.patch,
    scimDeleteUser: users.dispose,
    scimListGroups: groups.read,
    scimGetGroup: groups.read,
    scimCreateGroup: groups.write,
    scimReplaceGroup: groups.write,
    scimUpdateGroup: groups.patch,
    scimDeleteGroup: groups.dispose,
    scimSearchUsers: users.search,
    scimSearchGroups: groups.search,
    /** The listener calls the steps; here is only whether the request may and can be. */
    async scimBulk(_context, { schemas, failOnErrors = 0, Operations: steps }) {
      checkSchema(schemas, BULK_REQUEST);
      const { bulkOperationsMax } = scimLimits;
      if (steps.length > bulkOperationsMax) throw new Problem("iam.scimTooMany");
      const unnamed = steps.find(({ method, bulkId }) => method === "POST" && bulkId === undefined);
      if (unnamed !== undefined) throw scimFault("invalidSyntax", "a POST needs a bulkId");
      return { schemas: [BULK_RESPONSE], base: SCIM_BASE, failOnErrors, steps };
    },
    async scimGetMe() {
      throw new Problem("iam.scimNoMe");
    },
    scimDescribe: async (_context, { document }) => plain(await documents[document]?.()),
  };
}
