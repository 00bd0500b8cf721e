/**
 * Processor time, for tests that bound the work of a call: what else the machine runs, and how long
 * the system lets a process wait, does not count.
 */

import process from "node:process";

/** The milliseconds of processor time that this process has used. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
