// The rules of `Disk`: partial reads and writes are completed, errors are typed, the first failed
// write is final, and reads still work after it.

import { constants } from "node:os";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { always, FaultyFile, from, type Operation } from "../../tests/support/files/faulty_file.ts";
import { ClosedError, IoError } from "../format/errors.ts";
import { Disk, isFull } from "./disk.ts";
import { MemoryFile } from "./memory_file.ts";

const windows = Deno.build.os === "windows";
const BYTES = Uint8Array.from({ length: 100 }, (_, i) => i + 1);

function setUp(content?: Uint8Array): { memory: MemoryFile; file: FaultyFile; disk: Disk } {
  const memory = new MemoryFile(content);
  const file = new FaultyFile(memory);
  return { memory, file, disk: new Disk(file) };
}

describe("Disk.read", () => {
  it("goes on after a short read until all is there", () => {
    const { file, disk } = setUp(BYTES);
    file.fault = always("half", "read");
    const target = new Uint8Array(102);
    assertEquals(disk.read(target, 1, 100, 0), 100);
    assertEquals([...target], [0, ...BYTES, 0]);
    assert(file.counts.read > 1);
  });

  it("returns how much there was when the file ends", () => {
    const { disk } = setUp(BYTES);
    assertEquals(disk.read(new Uint8Array(50), 0, 50, 80), 20);
    assertEquals(disk.read(new Uint8Array(50), 0, 50, 500), 0);
  });

  it("makes a system's error an IoError with it as the cause, and is not final", () => {
    const { file, disk } = setUp(BYTES);
    file.fault = (operation, count) => operation === "read" && count === 1 ? "throw" : "none";
    const error: unknown = assertThrows(() => disk.read(new Uint8Array(9), 0, 9, 7), IoError);
    assert(error instanceof IoError && error.cause instanceof Error);
    assertEquals(error instanceof Error && error.message, READ_MESSAGE);
    assertEquals(disk.failure, undefined);
    assertEquals(disk.read(new Uint8Array(9), 0, 9, 7), 9);
    disk.write(BYTES, 0, 1, 0);
  });
});

const READ_MESSAGE = "Cannot read 9 bytes at byte 7: simulated failure of a read";

describe("Disk.write", () => {
  it("goes on after a short write until all is taken", () => {
    const { memory, file, disk } = setUp();
    file.fault = always("half", "write");
    disk.write(BYTES, 0, 100, 5);
    assertEquals([...memory.content()], [0, 0, 0, 0, 0, ...BYTES]);
    assert(file.counts.write > 1);
  });

  it("that is taken not at all is a failure, not a loop", () => {
    const { file, disk } = setUp();
    file.fault = always("nothing", "write");
    assertThrows(() => disk.write(BYTES, 0, 100, 5), IoError, "at byte 5: no byte was taken");
    assertEquals(file.counts.write, 1);
  });
});

/** A disk on a file that throws a system error once for each kind of call. */
function failingOnce(
  code: string | undefined,
  message = `${code}: simulated`,
): { disk: Disk; calls: () => number } {
  const { file } = setUp(BYTES);
  let calls = 0;
  const fail = () => {
    if (++calls === 1) throw Object.assign(new Error(message), { code });
  };
  const size = file.size.bind(file);
  file.size = () => (fail(), size());
  file.fault = () => (fail(), "none");
  return { disk: new Disk(file), calls: () => calls };
}

describe("a closed Disk", () => {
  it("calls the file no more: its descriptor may be that of another file", async () => {
    const { file, disk } = setUp(BYTES);
    disk.close();
    const before = { ...file.counts };
    const calls: readonly (() => unknown)[] = [
      () => disk.read(new Uint8Array(9), 0, 9, 0),
      () => disk.show(new Uint8Array(9), 0),
      () => disk.write(BYTES, 0, 9, 0),
      () => disk.writeThrough(BYTES, 0, 9, 0),
      () => disk.claim(BYTES, 0, 9, 0),
      () => disk.sync(),
      () => disk.truncate(0),
      () => disk.size(),
      () => disk.allocated(),
    ];
    for (const call of calls) assertThrows(call, ClosedError);
    await assertRejects(() => disk.startRead(0, 9), ClosedError);
    await assertRejects(() => disk.startSync(), ClosedError);
    assertEquals({ ...file.counts }, before);
    assertEquals(disk.failure, undefined);
  });
});

describe("a call that a signal interrupted", () => {
  const acts: Readonly<Record<string, (disk: Disk) => unknown>> = {
    size: (disk) => disk.size(),
    read: (disk) => disk.read(new Uint8Array(9), 0, 9, 0),
    write: (disk) => disk.write(BYTES, 0, 9, 0),
    writeThrough: (disk) => disk.writeThrough(BYTES, 0, 9, 0),
    claim: (disk) => disk.claim(BYTES, 0, 9, 0),
    sync: (disk) => disk.sync(),
    truncate: (disk) => disk.truncate(9),
  };
  for (const [name, act] of Object.entries(acts)) {
    it(`is made again: ${name}`, () => {
      const { disk, calls } = failingOnce("EINTR");
      act(disk);
      assertEquals([calls(), disk.failure], [2, undefined]);
    });
  }

  it("is not made again when it was a close", () => {
    const { disk, calls } = failingOnce("EINTR");
    disk.close();
    assertEquals(calls(), 1);
  });
});

describe("Disk.claim", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EFBIG"]) {
    it(`is refused without a latch on ${code}`, () => {
      const { disk } = failingOnce(code);
      const error: unknown = assertThrows(() => disk.claim(BYTES, 0, 9, 0), IoError, code);
      assertEquals([isFull(error), disk.failure], [true, undefined]);
      disk.claim(BYTES, 0, 9, 0);
    });
  }

  for (const code of ["EDQUOT", "EFBIG"] as const) {
    it(`knows ${code} where Deno gives its number alone`, { ignore: windows }, () => {
      const { disk } = failingOnce(undefined, `Something (os error ${constants.errno[code]})`);
      const error: unknown = assertThrows(() => disk.claim(BYTES, 0, 9, 0), IoError);
      assertEquals([isFull(error), disk.failure], [true, undefined]);
      assertEquals((error as IoError & { cause: { code: string } }).cause.code, code);
    });
  }

  it("latches on any other failure, and when nothing is taken", () => {
    const { disk } = failingOnce("EIO");
    const error: unknown = assertThrows(() => disk.claim(BYTES, 0, 9, 0), IoError, "EIO");
    assertEquals([isFull(error), disk.failure === error], [false, true]);
    const silent = setUp();
    silent.file.fault = always("nothing", "write");
    assertThrows(() => silent.disk.claim(BYTES, 0, 9, 0), IoError, "no byte was taken");
    assertThrows(() => silent.disk.sync(), IoError, "an earlier write or sync failed");
  });
});

describe("Disk", () => {
  const actions: [Operation, (disk: Disk) => void][] = [
    ["write", (disk) => disk.write(BYTES, 0, 100, 0)],
    ["sync", (disk) => disk.sync()],
    ["truncate", (disk) => disk.truncate(3)],
  ];
  for (const [operation, act] of actions) {
    it(`a failed ${operation} is final for writes, and reads go on`, () => {
      const { file, disk } = setUp(BYTES);
      file.fault = from(1, "throw", operation);
      const first: unknown = assertThrows(() => act(disk), IoError, `failure of a ${operation}`);
      assertEquals(disk.failure, first);
      file.fault = always("none");
      const asked = { ...file.counts };
      for (const [, later] of actions) {
        const error: unknown = assertThrows(() => later(disk), IoError, "Cannot write: an earlier");
        assert(error instanceof IoError && error.cause === first);
      }
      assertEquals(file.counts, asked, "the file is not asked again");
      assertEquals(disk.read(new Uint8Array(100), 0, 100, 0), 100);
    });
  }

  it("checkWritable is silent before a failure", () => {
    setUp().disk.checkWritable();
  });

  it("close makes a system's error an IoError", () => {
    const { file, disk } = setUp();
    file.fault = always("throw", "close");
    assertThrows(() => disk.close(), IoError, "Cannot close: simulated failure of a close");
  });

  it("size makes a system's error an IoError", () => {
    const { file, disk } = setUp();
    file.size = () => {
      throw "not even an Error";
    };
    assertThrows(() => disk.size(), IoError, "not even an Error");
  });
});
