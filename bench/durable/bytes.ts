/**
 * Bytes written for an update of 100 bytes, 1,000 in a transaction, over enough leaves that nearly
 * every update falls on another leaf.
 */

import type { Engine, Store } from "../engines/engine.ts";
import { QuireStore } from "../engines/quire.ts";
import { short } from "../measure/figures.ts";
import { Keys, Values } from "../measure/keys.ts";
import { bytesWritten } from "../measure/machine.ts";
import { type DurableSize, openFilled, type Section } from "./fixture.ts";

const UPDATES = 1000;
/** A journal used up to this size has been zeroed up to it. */
const WARM_UP_TRANSACTIONS = 20;
const TRANSACTIONS = 20;
/** Enough that engines with deferred work have done it several times. */
const LONG_TRANSACTIONS = 400;

/** The bytes that an engine wrote for one update. */
interface Written {
  readonly name: string;
  /** To the journal only, if known. */
  readonly journal: number | undefined;
  /** Until the transactions were durable. */
  readonly durable: number | undefined;
  /** Until the main file had them too. */
  readonly settled: number | undefined;
  /** The same for many more transactions. */
  readonly long: number | undefined;
  /** Leaves of the tree, if known. */
  readonly leaves: number | undefined;
}

/** Bytes written for an update. */
export async function bytesSection(
  engines: readonly Engine[],
  folder: string,
  size: DurableSize,
): Promise<Section> {
  const keys = new Keys(size.entries);
  const data: Written[] = [];
  for (const engine of engines) {
    // Its own file takes minutes to fill, and it cannot take this many entries in one transaction.
    if (engine.name === "Deno KV") continue;
    data.push(await bytesOf(engine, `${folder}/bytes${data.length}.db`, keys));
  }
  return {
    title: "Bytes written for an update of 100 bytes, 1,000 a transaction",
    heads: ["", "journal", "until durable", "until in place", "in the long run"],
    rows: data.map(({ name, journal, durable, settled, long }) => {
      return [name, ...[journal, durable, settled, long].map((bytes) => cell(bytes))];
    }),
    data,
    notes: [
      `${size.entries} entries, inserted in random order; ${TRANSACTIONS} transactions.`,
      ...data.flatMap(({ leaves }) => leaves === undefined ? [] : [`Quire has ${leaves} leaves.`]),
      "LevelDB writes a log and tables; what it rewrites later is not in its figure.",
      `"until in place" ends with a checkpoint, where there is one.`,
      `"in the long run" is the same of ${LONG_TRANSACTIONS} transactions and a close.`,
    ],
  };
}

function cell(bytes: number | undefined): string {
  return bytes === undefined ? "unknown" : short(bytes);
}

async function bytesOf(engine: Engine, path: string, keys: Keys): Promise<Written> {
  const values = new Values();
  const store = await openFilled(engine, path, keys, values);
  let position = 0;
  const update = async (transactions: number) => {
    for (let i = 0; i < transactions; i++) {
      await store.write(UPDATES, (changes) => {
        changes.put(keys.at(keys.shuffled(position)), values.at(position));
        position++;
      });
    }
  };
  // Two journal areas are used in turn.
  for (let area = 0; area < 2; area++) {
    await update(WARM_UP_TRANSACTIONS);
    store.checkpoint?.();
  }
  const start = bytesWritten();
  const journalStart = journalBytesOf(store);
  await update(TRANSACTIONS);
  const durable = perUpdate(start, bytesWritten());
  const journal = perUpdate(journalStart, journalBytesOf(store));
  store.checkpoint?.();
  const leaves = store instanceof QuireStore ? store.leaves() : undefined;
  const settledAt = bytesWritten();
  await update(LONG_TRANSACTIONS);
  await store.close();
  return {
    name: engine.name,
    journal,
    durable,
    settled: perUpdate(start, settledAt),
    long: perUpdate(settledAt, bytesWritten(), LONG_TRANSACTIONS),
    leaves,
  };
}

function journalBytesOf(store: Store): number | undefined {
  return store instanceof QuireStore ? store.journalBytes() : undefined;
}

function perUpdate(
  start: number | undefined,
  end: number | undefined,
  transactions: number = TRANSACTIONS,
): number | undefined {
  if (start === undefined || end === undefined) return undefined;
  return (end - start) / (transactions * UPDATES);
}
