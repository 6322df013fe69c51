/** Tables of nodes and join tokens; they belong to the machine, not to an account. */
import type { Sql } from "../../kernel/store/database.ts";

export type NodeStatus = {
  readonly failures?: readonly { readonly siteId: string; readonly message: string }[];
  readonly messages?: readonly string[];
  /** Of gateways: the upstreams that they watch, as they see them. */
  readonly upstreams?: readonly UpstreamStatus[];
  readonly pages?: readonly PageStatus[];
  readonly geoDatabases?: readonly GeoDatabaseStatus[];
  /** Of a gateway: what each worker counted since it started. */
  readonly workers?: readonly Readonly<Record<string, unknown>>[];
};

/** Which database of a kind a gateway looks addresses up in, and why it is not the newest. */
export type GeoDatabaseStatus = {
  readonly kind: string;
  readonly sha256: string | null;
  readonly fault: string;
};

export type PageStatus = {
  readonly siteId: string;
  readonly path: string;
  readonly state: "unseen" | "unapproved" | "approved" | "changed";
  readonly approvedDigest: string | null;
  readonly seenDigest: string | null;
  readonly seenBytes: number;
  readonly seenTimeMs: number;
};

export type UpstreamStatus = {
  readonly siteId: string;
  readonly upstream: string;
  readonly state: "up" | "down" | "ejected" | "drained";
  readonly stateReason: string;
  readonly weight: number;
  readonly connections: number;
  readonly failures: number;
};

export type NodeRow = {
  readonly nodeId: string;
  readonly name: string;
  readonly plane: "gateway" | "network";
  readonly runningVersion: number;
  /** Version of its plane's intent; one more while a change waits to be made into one. */
  readonly wantedVersion: number;
  readonly status: NodeStatus;
  readonly lastSeenTime: string | null;
  readonly createTime: string;
};

/** Queries; `sql` runs in the system's scope. */
export function fleetStore(sql: Sql) {
  return {
    listNodes: () => sql<NodeRow>`
      select n.node_id, n.name, n.plane, n.running_version, n.status, n.last_seen_time,
        n.create_time, coalesce(i.version, 0)
          + (select least(count(*), 1) from intent_change c where c.plane = n.plane)
          as wanted_version
      from node n left join intent i using (plane) order by n.name, n.node_id`,

    async insertNode(node: {
      nodeId: string;
      name: string;
      plane: string;
      fingerprint: string;
      createTime: string;
    }) {
      await sql`insert into node (node_id, name, plane, certificate_fingerprint, create_time)
        values (${node.nodeId}, ${node.name}, ${node.plane}, ${node.fingerprint},
          ${node.createTime})`;
    },

    async findByFingerprint(fingerprint: string) {
      const [row] = await sql<{ nodeId: string; plane: string; isNext: boolean }>`
        select node_id, plane, certificate_fingerprint <> ${fingerprint} as is_next from node
        where certificate_fingerprint = ${fingerprint}
          or next_certificate_fingerprint = ${fingerprint}`;
      if (row?.isNext === true) {
        await sql`update node set certificate_fingerprint = next_certificate_fingerprint,
          next_certificate_fingerprint = null where node_id = ${row.nodeId}`;
      }
      return row;
    },

    async offerFingerprint(nodeId: string, fingerprint: string) {
      await sql`update node set next_certificate_fingerprint = ${fingerprint}
        where node_id = ${nodeId}`;
    },

    async report(nodeId: string, status: NodeStatus & { runningVersion: number; time: string }) {
      const { runningVersion, time, ...rest } = status;
      await sql`update node set running_version = ${runningVersion}, status = ${rest},
        last_seen_time = ${time} where node_id = ${nodeId}`;
    },

    async seen(nodeId: string, time: string) {
      await sql`update node set last_seen_time = ${time} where node_id = ${nodeId}`;
    },

    deleteNode: (nodeId: string) => sql<{ nodeId: string }>`
      delete from node where node_id = ${nodeId} returning node_id`,

    async insertJoinToken(token: {
      hash: Buffer;
      name: string;
      plane: string;
      expireTime: string;
    }) {
      await sql`insert into join_token (token_hash, name, plane, expire_time)
        values (${token.hash}, ${token.name}, ${token.plane}, ${token.expireTime})`;
    },

    async takeJoinToken(hash: Buffer, nowText: string) {
      const [row] = await sql<{ name: string; plane: string }>`
        delete from join_token where token_hash = ${hash} and expire_time > ${nowText}
        returning name, plane`;
      return row;
    },
  };
}
