/**
 * `explore`: shows the file in a browser, until a signal ends it.
 */

import { withAction } from "../io/exit.ts";
import { note } from "../io/output.ts";
import { type CommandSpec, portOf, textOf } from "../spec/command_spec.ts";
import { UNSYNCHRONISED } from "./map.ts";

/** The errors of the system for a refused listen. */
const LISTENING = [Deno.errors.AddrInUse, Deno.errors.AddrNotAvailable];

/** Shows a file in a browser. */
export const explore: CommandSpec = {
  name: "explore",
  summary: "show the file in a browser: chunks, pages, look-ups, cache and journal",
  details:
    "Prints an address on this machine, which contains a secret, and serves it until Ctrl-C. " +
    "The file is only read. Where another process has it open, the view follows its commits. " +
    "It needs permission to listen: deno run --allow-net=127.0.0.1.",
  file: "unlocked",
  args: [],
  options: [{ flags: "--port <number>", what: "the port to listen on; default any free port" }],
  examples: [["explore cities.quire", "open the address that it prints"]],
  inShell: false,
  async run({ path, out, json }, _args, options) {
    const { exploreFile, FOLLOWED } = await import("./explore_file.ts");
    const port = textOf(options["port"]);
    const shown = exploreFile(path, {
      ...(port !== undefined && { port: portOf(port) }),
      onListen(url, unsynchronised, followed) {
        if (json) out.json({ url, unsynchronised, followed });
        else out.line(url);
        out.flush();
        if (unsynchronised) note(UNSYNCHRONISED);
        if (followed) note(FOLLOWED);
        note("Ctrl-C ends it.");
      },
    });
    await shown.catch((error) => {
      throw LISTENING.some((kind) => error instanceof kind)
        ? withAction(`listen on port ${port ?? "0"} of this machine`, error)
        : error;
    });
  },
};
