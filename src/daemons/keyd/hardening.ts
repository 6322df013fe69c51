/**
 * What this process switches off for itself, and what it could not, in words. Memory is not
 * locked: mlockall makes V8 abort when it gives pages back, so keys may reach an unencrypted swap.
 */
import { messageOf } from "../../kernel/process/text.ts";
import { loadKoffi } from "./openssl.ts";

/** prctl.h and resource.h of Linux. */
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const RLIMIT_CORE = 4;
const NOT_LOCKED = "memory is not locked: use encrypted swap, or none";

/** Before any key is in memory. Never throws: each line says what is so. */
export function hardenProcess(): readonly string[] {
  if (process.platform !== "linux") return ["no core dump limit set: not Linux", NOT_LOCKED];
  try {
    const library = loadKoffi().load(null);
    const prctl = library.func(
      "int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)",
    );
    const setrlimit = library.func("int setrlimit(int, void *)");
    const attempt = (what: string, result: unknown) => (result === 0 ? what : `NOT: ${what}`);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const dumpable: unknown = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    return [
      attempt("no core dumps, no tracing by its own user", dumpable),
      attempt("core size limit 0", setrlimit(RLIMIT_CORE, Buffer.alloc(16))),
      attempt("no new privileges", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
      NOT_LOCKED,
    ];
  } catch (error) {
    return [`NOT: no core dumps (${messageOf(error)})`, NOT_LOCKED];
  }
}
