/**
 * `cordon admin recover`: a new password for a user and no second factor. It works on the data
 * folder, as its owner, while Cordon does not run: whoever can do that holds the state anyway.
 */
import { userInfo } from "node:os";
import { type Config, readConfig } from "../kernel/config.ts";
import { recoverUser } from "../kernel/identity/recover-user.ts";
import { openDatabase } from "../kernel/store/database.ts";
import { holding, withDatabase } from "./backup/at-rest.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { withShortRunFolder } from "./up/folders.ts";

const USAGE = "./cordon admin recover --account NAME --user NAME";

export async function adminRecover(args: readonly string[]): Promise<ExitStatus> {
  const [first, account, second, user] = args;
  const right = first === "--account" && second === "--user" && args.length === 4;
  if (!right || account === undefined || user === undefined) {
    throw new CommandError("Cannot recover: wanted the names of the account and of the user", {
      fix: USAGE,
      status: EXIT.usage,
    });
  }
  const config = withShortRunFolder(readConfig(process.env));
  const recovered = await holding(config, () => recover(config, { account, user }));
  if (recovered === undefined) {
    throw new CommandError(`Cannot recover: account "${account}" has no user "${user}"`, {
      fix: "names are written as at sign-in",
    });
  }
  process.stdout.write(`${recovered.password}\n`);
  process.stderr.write(
    `This is the password of ${user} from now on, shown once. Second factors are removed, sessions ` +
      "have ended, and the audit log says so.\nNext: ./cordon up, sign in, set a new password and " +
      "a second factor. Keys of the user still work: ./cordon iam bearer-key list\n",
  );
  return EXIT.ok;
}

function recover(config: Config, wanted: { account: string; user: string }) {
  const { uid, username } = userInfo();
  return withDatabase(config, async (connection) => {
    const database = openDatabase(connection);
    try {
      const parts = { config, database, clock: Date.now };
      return await recoverUser(parts, wanted, { userId: uid, userName: username });
    } finally {
      await database.close();
    }
  });
}
