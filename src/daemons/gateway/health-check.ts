/**
 * Active health checks: each worker asks each watched upstream for a path at its interval, on a
 * connection of its own. 200 to 399 is well; anything else, and silence, is not.
 */
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { UpstreamPolicy } from "./delivery.ts";
import type { Gateway, Upstream } from "./state.ts";
import { tellUpstream } from "./upstream-status.ts";
import { tlsOptions } from "./upstream-tls.ts";

const HEAD_BYTES_MAX = 4_096;
const statusLine = /^HTTP\/1\.[01] (\d{3})[ \r]/;

/** Begins the checks that are due; called by the worker's sweep. */
export function checkUpstreams(gateway: Gateway, nowMs: number): void {
  for (const site of gateway.routes.sites) {
    for (const upstream of site.upstreams) {
      const { policy, health } = upstream;
      if (policy === null || policy.settings.healthPath === "") continue;
      if (health.checking || health.nextCheckMs > nowMs) continue;
      health.checking = true;
      // The next one counts from this one's begin, so that slow answers do not thin them out.
      health.nextCheckMs = nowMs + policy.settings.healthIntervalSeconds * 1_000;
      void ask(upstream, policy).then((fault) => {
        health.checking = false;
        take(gateway, upstream, { policy, fault });
      });
    }
  }
}

/** Takes one result; null is well. */
function take(
  gateway: Gateway,
  upstream: Upstream,
  { policy, fault }: { policy: UpstreamPolicy; fault: string | null },
): void {
  const { health } = upstream;
  const { healthyThreshold, unhealthyThreshold } = policy.settings;
  const isWell = fault === null;
  if (isWell === health.up) {
    health.streak = 0;
    return;
  }
  health.streak++;
  if (health.streak < (isWell ? healthyThreshold : unhealthyThreshold)) return;
  health.up = isWell;
  health.streak = 0;
  health.reason = fault ?? "";
  if (isWell) {
    health.ejectedUntilMs = 0;
    health.failures = 0;
  }
  tellUpstream(gateway, upstream, isWell ? "up" : "down");
}

/** Asks once; resolves with null when it is well, else with what was wrong. Never rejects. */
function ask(upstream: Upstream, policy: UpstreamPolicy): Promise<string | null> {
  const { healthPath, healthTimeoutMs, protocol } = policy.settings;
  return new Promise((resolve) => {
    const socket = open(upstream);
    let text = "";
    const end = (fault: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(fault);
    };
    const timer = setTimeout(
      () => end(`no answer to ${healthPath} within ${healthTimeoutMs} ms`),
      healthTimeoutMs,
    );
    const onReady = () => {
      // An upstream of HTTP/2 only is well when it takes a connection: its answers are not text.
      if (protocol === "http2") return end(null);
      socket.write(
        `GET ${healthPath} HTTP/1.1\r\nHost: ${policy.healthHost}\r\nUser-Agent: Cordon-Health\r
Accept: */*\r\nConnection: close\r\n\r\n`,
        "latin1",
      );
    };
    socket.once(upstream.tls === null ? "connect" : "secureConnect", onReady);
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
      const status = statusLine.exec(text)?.[1];
      if (status !== undefined) end(/^[23]/.test(status) ? null : `${healthPath} gave ${status}`);
      else if (text.length > HEAD_BYTES_MAX || text.includes("\n")) end("its answer is not HTTP/1");
    });
    socket.on("error", (error) => end(error.message));
    socket.on("close", () => end("it closed the connection without an answer"));
  });
}

function open({ host, port, tls }: Upstream): Socket {
  if (tls === null) return connectSocket({ host, port });
  return connectTls({ host, port, ...tlsOptions(tls) });
}
