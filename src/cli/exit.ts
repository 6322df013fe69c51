/** How a command ends: its exit status and, when it fails, one sentence and the way out. */

export const EXIT = {
  ok: 0,
  problem: 1,
  usage: 2,
  denied: 3,
  conflict: 4,
  unreachable: 5,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** A failure the operator can act on; printed without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly fix: string | undefined;
  readonly status: ExitStatus;
  constructor(message: string, options: { fix?: string | undefined; status?: ExitStatus } = {}) {
    super(message);
    this.fix = options.fix;
    this.status = options.status ?? EXIT.problem;
  }
}
