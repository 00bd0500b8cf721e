/**
 * `serve`: lets clients of Deno KV work on the file, until a signal ends it.
 */

import { IoError } from "../../mod.ts";
import { asRefusal, messageOf, Refusal, SIGNALS, withAction } from "../io/exit.ts";
import { namedFile } from "../io/named_file.ts";
import { note } from "../io/output.ts";
import { oneLine } from "../io/text.ts";
import { type CommandSpec, type OptionValues, portOf, textOf } from "../spec/command_spec.ts";

const PORT_DEFAULT = 4512;
/** The variable in which clients have the token too. */
const TOKEN_VARIABLE = "DENO_KV_ACCESS_TOKEN";
const HOST_DEFAULT = "127.0.0.1";
const TOKEN_REMEDY = `set ${TOKEN_VARIABLE}, or name a file that has it with --token-file`;

/** Serves a file to clients of Deno KV. */
export const serve: CommandSpec = {
  name: "serve",
  summary: "serve the file to clients of Deno KV in other processes, until Ctrl-C",
  details: "Prints an address for Deno.openKv and other clients of KV Connect. Clients need the " +
    `token that ${TOKEN_VARIABLE} or the file of --token-file has. The file is created if it ` +
    "does not exist. At the end, answers in progress have 5 seconds; a second Ctrl-C cuts them " +
    `off. It needs permission to listen: deno run --allow-net=${HOST_DEFAULT} ` +
    `--allow-env=${TOKEN_VARIABLE}.`,
  file: "create",
  args: [],
  options: [
    { flags: "--port <number>", what: `the port to listen on; default ${PORT_DEFAULT}` },
    {
      flags: "--host <address>",
      what: `the address to listen on; default ${HOST_DEFAULT}, which only this machine can reach`,
    },
    { flags: "--token-file <path>", what: `a file with the token; default ${TOKEN_VARIABLE}` },
  ],
  examples: [
    ["serve app.quire", "at port 4512, with the token of the environment"],
    ["serve app.quire --port 9000 --token-file token.txt", "with the token of a file"],
  ],
  inShell: false,
  async run({ db, out, json }, _args, options) {
    const token = tokenOf(options);
    const port = portOf(textOf(options["port"]) ?? String(PORT_DEFAULT));
    const hostname = textOf(options["host"]) ?? HOST_DEFAULT;
    const { serveKv } = await import("../../kv/connect/mod.ts");
    const onError = (error: unknown) => note(oneLine(messageOf(error)));
    const server = listening(() => serveKv(db, { token, port, hostname, onError }));
    if (json) out.json({ url: server.url });
    else out.line(server.url);
    out.flush();
    note("Ctrl-C ends it.");
    await untilSignalled(server);
  },
};

/** A server that can be stopped. */
interface Stoppable {
  readonly finished: Promise<void>;
  close(): Promise<void>;
  abort(): void;
}

/** Serves until a signal; the second one ends answers in progress. */
async function untilSignalled(server: Stoppable): Promise<void> {
  let isStopping = false;
  const stop = () => {
    if (isStopping) server.abort();
    else void server.close();
    isStopping = true;
  };
  const heard = SIGNALS.filter((name) => addListener(name, stop));
  try {
    await server.finished;
  } finally {
    for (const name of heard) Deno.removeSignalListener(name, stop);
  }
}

/** Listens for a signal. Returns whether the system has it. */
function addListener(name: Deno.Signal, heard: () => void): boolean {
  try {
    Deno.addSignalListener(name, heard);
    return true;
  } catch {
    return false;
  }
}

/** Starts a server, whose failures have nothing to do with the file. */
function listening<T>(start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw error instanceof IoError ? asRefusal(error) : error;
  }
}

function tokenOf(options: OptionValues): string {
  const path = textOf(options["tokenFile"]);
  const token = path === undefined ? tokenOfEnvironment() : tokenIn(path);
  if (token === undefined || token === "") {
    throw new Refusal(`Cannot serve: there is no access token; ${TOKEN_REMEDY}`);
  }
  return token;
}

function tokenOfEnvironment(): string | undefined {
  try {
    return Deno.env.get(TOKEN_VARIABLE);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new Refusal(
      `Cannot read ${TOKEN_VARIABLE}: it is not permitted; run it with ` +
        `--allow-env=${TOKEN_VARIABLE}, or name a file with --token-file`,
    );
  }
}

function tokenIn(path: string): string {
  try {
    return Deno.readTextFileSync(namedFile("read", path)).trim();
  } catch (error) {
    throw withAction(`read ${oneLine(path)}`, error);
  }
}
