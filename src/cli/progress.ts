/** Progress of long commands: one line per step with its time, on stderr. */

export type ProgressEvent =
  | { readonly type: "begin"; readonly step: string }
  | { readonly type: "note"; readonly step: string; readonly message: string }
  | { readonly type: "warning"; readonly step: string; readonly message: string }
  | { readonly type: "end"; readonly step: string; readonly ok: boolean; readonly tookMs: number };

export type Report = (event: ProgressEvent) => void;

const NAME_COLUMNS = 12;

/** Runs one step and reports its begin and end. Errors of the step pass through. */
export async function step<T>(report: Report, name: string, run: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  const end = (ok: boolean) =>
    report({ type: "end", step: name, ok, tookMs: performance.now() - begin });
  report({ type: "begin", step: name });
  try {
    const result = await run();
    end(true);
    return result;
  } catch (error) {
    end(false);
    throw error;
  }
}

type Output = { readonly isTTY?: boolean; readonly write: (text: string) => unknown };

/** A reporter that prints: a rewritten line on a terminal, plain lines elsewhere. */
export function printer(output: Output): Report {
  const terminal = output.isTTY === true && process.env.TERM !== "dumb";
  const clear = terminal ? "\r\x1b[2K" : "";
  return (event) => {
    const name = event.step.padEnd(NAME_COLUMNS);
    switch (event.type) {
      case "begin":
        if (terminal) output.write(`  ${name} …`);
        return;
      case "note":
        output.write(
          terminal ? `${clear}  ${name} ${event.message}` : `  ${name} ${event.message}\n`,
        );
        return;
      case "warning":
        output.write(`${clear}  ${name} warning: ${event.message}\n`);
        return;
      case "end": {
        const seconds = `${(event.tookMs / 1000).toFixed(1)} s`;
        output.write(`${clear}  ${name} ${event.ok ? "ok" : "failed"}, ${seconds}\n`);
      }
    }
  };
}
