/**
 * The course of every read, write and removal that the SCIM library asks for, the same for each
 * kind of resource: hold the row, compare versions, change it, show what there is now.
 */
import type { Context } from "../../../kernel/context.ts";
import { Problem } from "../../../kernel/problem.ts";
import {
  checkVersion,
  foundBy,
  keepingFailures,
  type ScimCall,
  type ScimResource,
  versionOf,
} from "./protocol.ts";

/** A kind of resource of the library, with the handlers that it takes. */
export type Library = {
  egress(handler: (resource: { id?: string }, call: ScimCall) => unknown): unknown;
  ingress(
    handler: (resource: { id?: string }, instance: object, call: ScimCall) => unknown,
  ): unknown;
  degress(handler: (resource: { id?: string }, call: ScimCall) => Promise<void>): unknown;
};

/** One kind of resource: what differs between users and groups. */
export type Kept<Row> = {
  readonly resource: Library;
  /** Rows that a directory made, or the one of this id. */
  load(context: Context, id?: string): Promise<readonly Row[]>;
  /** Holds other changes of the row back until the call ends. */
  lock(context: Context, id: string): Promise<void>;
  /** The row in SCIM's form. */
  shown(row: Row, host: string): ScimResource;
  create(context: Context, data: ScimResource): Promise<string>;
  replace(context: Context, id: string, data: ScimResource): Promise<void>;
  remove(context: Context, id: string, before: Row): Promise<void>;
};

/** Gives the library its three handlers for a kind of resource. */
export function keep<Row>(kept: Kept<Row>): void {
  const loadOne = async ({ context }: ScimCall, id: string): Promise<Row> => {
    const [row] = await kept.load(context, id);
    if (row === undefined) throw new Problem("iam.scimNotFound");
    return row;
  };
  /** INVARIANT: whoever changes a row holds it before he reads it, or two changes lose one. */
  const held = async (call: ScimCall, id: string): Promise<Row> => {
    await kept.lock(call.context, id);
    const row = await loadOne(call, id);
    checkVersion(call.context, versionOf(kept.shown(row, call.context.host)));
    return row;
  };
  const found = keepingFailures(async (call, resource: { id?: string }) => {
    const { context, changes } = call;
    const { id } = resource;
    if (changes && id !== undefined) await kept.lock(context, id);
    const rows = await kept.load(context, id);
    const shown = rows.map((row) => kept.shown(row, context.host));
    return foundBy(resource, shown);
  });
  const written = keepingFailures(async (call, id: string | undefined, data: ScimResource) => {
    const { context } = call;
    if (id !== undefined) {
      await held(call, id);
      await kept.replace(context, id, data);
    }
    const written = id ?? (await kept.create(context, data));
    return kept.shown(await loadOne(call, written), context.host);
  });
  const removed = keepingFailures(async (call, id: string) => {
    await kept.remove(call.context, id, await held(call, id));
  });
  kept.resource.egress((resource, call) => found(call, resource));
  kept.resource.ingress((resource, instance, call) =>
    written(call, resource.id, JSON.parse(JSON.stringify(instance))),
  );
  kept.resource.degress((resource, call) => removed(call, resource.id ?? ""));
}
