/**
 * Clients and a scan, with or without prefetches, in one process. Prints their figures as one line
 * of JSON.
 */

import { type ClientsInput, type ClientsOutput, measureClients } from "./clients.ts";
import { measureScan, type ScanInput, type ScanOutput } from "./scan.ts";

/** What to run. */
export type PrefetchInput = ClientsInput & ScanInput;

/** What the process prints. */
export interface PrefetchOutput {
  readonly clients: ClientsOutput;
  readonly scan: ScanOutput;
}

if (import.meta.main) {
  const input: PrefetchInput = JSON.parse(Deno.args[0]!);
  const clients = await measureClients(input);
  const scan = await measureScan(input);
  console.log(JSON.stringify({ clients, scan } satisfies PrefetchOutput));
}
