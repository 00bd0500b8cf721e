/**
 * The counters of Linux for what a process and a device have moved. Deno gives access to them only
 * with all permissions; they are never asked for.
 */

import * as fs from "node:fs";
import { messageOf } from "../io/exit.ts";
import type { Available } from "./subject.ts";

const SECTOR_BYTES = 512;
const ALL = ["env", "ffi", "net", "read", "run", "sys", "write"] as const;

/** What a process has moved from and to devices, in bytes. */
export interface ProcessMoves {
  readonly read: number;
  readonly written: number;
}

/** What a device has written, for all processes. */
export interface DeviceWrites {
  readonly writes: number;
  readonly bytes: number;
}

/** The counter of this process. */
export function processCounter(): Available<() => ProcessMoves> {
  return counterOf("/proc/self/io", (text) => {
    const valueOf = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
    return { read: valueOf("read_bytes"), written: valueOf("write_bytes") };
  });
}

/** The counter of the device that a file is on. */
export function deviceCounter(descriptor: number): Available<() => DeviceWrites> {
  const { dev } = fs.fstatSync(descriptor);
  // The parts of a device's number, as glibc takes them apart.
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  return counterOf(`/sys/dev/block/${major}:${minor}/stat`, (text) => {
    const fields = text.trim().split(/\s+/).map(Number);
    return { writes: fields[4]!, bytes: fields[6]! * SECTOR_BYTES };
  });
}

/** A counter in a file of the system. */
function counterOf<T>(path: string, parse: (text: string) => T): Available<() => T> {
  if (Deno.build.os !== "linux") return { absent: "it needs Linux" };
  // Reading without permission would prompt for it.
  if (ALL.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) {
    return { absent: "it needs --allow-all" };
  }
  try {
    Deno.readTextFileSync(path);
  } catch (error) {
    return { absent: messageOf(error) };
  }
  return { value: () => parse(Deno.readTextFileSync(path)) };
}
