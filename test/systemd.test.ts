/** The units of deploy/systemd: systemd takes them, and they leave a process little to misuse. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";

const folder = join(programFolder, "deploy", "systemd");
const units = readdirSync(folder).filter((name) => name.endsWith(".service"));
const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
/** Of 10: above it systemd calls a service MEDIUM or worse from 5, and OK below 2. */
const EXPOSURE_MAX = 2;

function settingsOf(unit: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of readFileSync(join(folder, unit), "utf8").split("\n")) {
    const [, name = "", value = ""] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (name !== "") settings.set(name, [...(settings.get(name) ?? []), value]);
  }
  return settings;
}

test.each(units)(
  "%s gives one capability at most, no way to more, and nothing to write but its state",
  (unit) => {
    const settings = settingsOf(unit);
    const wanted = unit === "cordon-netd.service" ? "CAP_NET_ADMIN" : "CAP_NET_BIND_SERVICE";
    expect(settings.get("CapabilityBoundingSet")).toEqual([wanted]);
    expect(settings.get("AmbientCapabilities")).toEqual([wanted]);
    expect(settings.get("NoNewPrivileges")).toEqual(["yes"]);
    expect(settings.get("ProtectSystem")).toEqual(["strict"]);
    expect(settings.has("ReadWritePaths")).toBe(false);
    expect(settings.get("User")).toEqual(["cordon"]);
    expect(settings.get("SystemCallFilter")?.[0]).toBe("@system-service");
  },
);

test.each(units)(
  "what %s starts is there, and netd's and the gateway's are the programs of `up`",
  (unit) => {
    const [line = ""] = settingsOf(unit).get("ExecStart") ?? [];
    const files = line.split(" ").filter((word) => word.startsWith("/opt/cordon/"));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      expect(existsSync(file.replace("/opt/cordon", programFolder)), file).toBe(true);
    }
  },
);

test.skipIf(!hasAnalyze)("systemd verifies each unit (needs systemd-analyze)", () => {
  const copies = mkdtempSync(join(tmpdir(), "cordon-units-"));
  try {
    for (const unit of units) {
      const text = readFileSync(join(folder, unit), "utf8");
      writeFileSync(join(copies, unit), text.replaceAll("/opt/cordon", programFolder));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", join(copies, unit)]);
      const faults = stderr
        .toString()
        .split("\n")
        .filter((one) => one.startsWith(unit));
      expect([unit, status, faults]).toEqual([unit, 0, []]);
    }
    writeFileSync(join(copies, "bad.service"), "[Service]\nExecStart=/nothing/here\n");
    expect(spawnSync("systemd-analyze", ["verify", join(copies, "bad.service")]).status).not.toBe(
      0,
    );
  } finally {
    rmSync(copies, { recursive: true, force: true });
  }
});

test.skipIf(!hasAnalyze)("systemd calls each unit's exposure OK (needs systemd-analyze)", () => {
  for (const unit of units) {
    const argv = ["security", "--offline=true", `--threshold=${EXPOSURE_MAX * 10}`];
    const { status, stdout } = spawnSync("systemd-analyze", [...argv, join(folder, unit)]);
    expect([unit, status], stdout.toString().split("\n").at(-2)).toEqual([unit, 0]);
  }
});

const nft = "/usr/sbin/nft";
const namespaced = spawnSync("unshare", ["--net", "true"]).status === 0;
const canDrop = process.getuid?.() === 0 && existsSync(nft) && namespaced;

test.skipIf(!canDrop)(
  "nft sets rules with CAP_NET_ADMIN alone, for a user who is not root, and not without it (needs root, nft, namespaces)",
  () => {
    const as = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
    const only = ["--inh-caps=-all,+net_admin", "--ambient-caps=-all,+net_admin"];
    const bound = ["--bounding-set=-all,+net_admin"];
    const none = ["--inh-caps=-all", "--bounding-set=-all"];
    const add = [nft, "add", "table", "inet", "cordon_test"];
    const run = (caps: string[]) => spawnSync("unshare", ["--net", ...as, ...caps, ...add]).status;
    expect(run([...only, ...bound])).toBe(0);
    expect(run(none)).not.toBe(0);
  },
);
