// Segments of commits that were forged, with sums that fit: a restore and a replica cost no more
// than what the segments hold, or refuse them and stay as they were.

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { CorruptionError, format } from "../../pager/mod.ts";
import { bytesOf } from "../../tests/support/databases/database.ts";
import { MemoryStore } from "../../tests/support/databases/memory_store.ts";
import { inTempDir } from "../../tests/support/temp.ts";
import { archive } from "../archive.ts";
import { open } from "../open.ts";
import { restore } from "../restore.ts";
import { verify } from "../verify/verify.ts";
import { createReplica, ReplicaFile } from "./replica_file.ts";
import { COMMITS, parseSegment } from "./segments/segment.ts";
import { readSegment } from "./segments/segment_reader.ts";
import { SegmentWriter } from "./segments/segment_writer.ts";

const { CHUNK_PAGES, PAGE_BYTES, PAGE_COUNT_MAX } = format;
const { signal: NEVER } = new AbortController();
const FREED = 3;
/** Where a packet has its fields; see `pager/copy/commit_packets.ts`. */
const PACKET = { recordBytes: 0, pageCount: 24, catalogRoot: 28 };
const KIB = 1024;

/** A store with a base, and with a commit behind it whose only packet was changed. */
async function storeWith(dir: string, forge: (packet: Uint8Array) => Uint8Array) {
  const store = new MemoryStore();
  {
    using db = open(`${dir}/source`);
    db.writeSync((tx) => tx.tree("t").set("a", bytesOf(1, 300)));
    await using shipping = archive(db, store, { everyMs: 60_000 });
    await shipping.flush();
    await createReplica(`${dir}/replica`, store, undefined);
    db.writeSync((tx) => tx.tree("t").set("b", bytesOf(2, 300)));
    await shipping.flush();
  }
  const name = (await store.list()).find((name) => parseSegment(name)?.kind === COMMITS)!;
  const segment = parseSegment(name)!;
  const head = await readSegment(store, segment);
  await store.delete(name);
  const put = (name: string, bytes: Uint8Array) => store.put(name, bytes);
  const writer = new SegmentWriter(put, segment, head);
  writer.append(forge(head.content));
  await writer.complete();
  return { store, segment: writer.segment };
}

/** Changes a field of a packet. */
function withField(packet: Uint8Array, at: number, value: number): Uint8Array {
  const bytes = packet.slice();
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}

/** Adds a record that frees a page, and that many pages to the file. */
function withFreed(packet: Uint8Array, page: number): Uint8Array {
  const record = new Uint8Array(8);
  const view = new DataView(record.buffer);
  view.setUint32(0, page, true);
  view.setUint8(4, FREED);
  const bytes = withField(packet, PACKET.recordBytes, packet.length - 40 + record.length);
  const whole = new Uint8Array([...bytes, ...record]);
  return withField(whole, PACKET.pageCount, page + 1);
}

describe("commits with a forged page count", () => {
  it("make neither a restored file nor a replica longer", () =>
    inTempDir(async (dir) => {
      const forge = (packet: Uint8Array) => withField(packet, PACKET.pageCount, PAGE_COUNT_MAX);
      const { store } = await storeWith(dir, forge);
      await restore(`${dir}/to`, { from: store });
      assert((await verify(`${dir}/to`)).ok);
      assertLess(Deno.statSync(`${dir}/to`).size, 256 * KIB);

      const replica = new ReplicaFile(`${dir}/replica`, () => {});
      await replica.follow(store, NEVER);
      assertLess(replica.view.bytes, 256 * KIB);
      assertEquals(replica.state.meta.pageCount, CHUNK_PAGES);
      await replica.promote();
      assert((await verify(`${dir}/replica`)).ok);
    }));

  it("and a page far behind the others are refused by a replica, which stays as it was", () =>
    inTempDir(async (dir) => {
      const forge = (packet: Uint8Array) => withFreed(packet, 20_000 * CHUNK_PAGES + 1);
      const { store, segment } = await storeWith(dir, forge);
      const replica = new ReplicaFile(`${dir}/replica`, () => {});
      const { state, view } = replica;
      await assertRejects(() => replica.receive(store, segment, NEVER), CorruptionError);
      assertEquals([replica.state, replica.view], [state, view]);
      replica.close();
    }));

  it("and a catalog that cannot be are refused by a replica, which stays as it was", () =>
    inTempDir(async (dir) => {
      const forge = (packet: Uint8Array) => withField(packet, PACKET.catalogRoot, PAGE_BYTES * 9);
      const { store, segment } = await storeWith(dir, forge);
      const replica = new ReplicaFile(`${dir}/replica`, () => {});
      const { state, view } = replica;
      await assertRejects(() => replica.receive(store, segment, NEVER), CorruptionError);
      assertEquals([replica.state, replica.view], [state, view]);
      replica.close();
    }));
});
