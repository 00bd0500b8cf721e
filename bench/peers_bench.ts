/**
 * `deno task bench`: compares Quire with its peers in about two minutes, 100,000 entries.
 *
 * All engines share one process, and Deno KV has a tenth of the entries; `bench:full` gives each
 * engine its own process, and the full size.
 */

import { ENGINE_NAMES, loadEngines } from "./engines/all_engines.ts";
import type { Later, Store } from "./engines/engine.ts";
import { Keys, Values } from "./measure/keys.ts";

const ENTRIES = 100_000;
const KV_ENTRIES = 10_000;
const CACHE_BYTES = 256 * 1024 * 1024;
const LMDB_PAGE_BYTES = 8192;
const BATCH = 1000;

const folder = Deno.makeTempDirSync({ prefix: "quire-bench-" });
const keys = new Keys(ENTRIES);
const values = new Values();
const { present, absent } = await loadEngines(ENGINE_NAMES, LMDB_PAGE_BYTES);
for (const [name, reason] of absent) console.log(`Absent: ${name} (${reason})`);

for (const engine of present) {
  const count = engine.name === "Deno KV" ? KV_ENTRIES : ENTRIES;
  const store = await engine.open(`${folder}/${present.indexOf(engine)}.db`, {
    cacheBytes: CACHE_BYTES,
  });
  await store.write(count, (changes, i) => changes.put(keys.at(i), values.at(i)));
  store.checkpoint?.();
  benchStore(engine.name, store, count);
}

globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function benchStore(name: string, store: Store, count: number): void {
  let at = 0;
  const key = () => keys.at(keys.shuffled(at++) % count);
  const bench = (group: string, fn: () => Later<unknown>) => {
    Deno.bench({ name, group, baseline: name === "Quire", fn: async () => void await fn() });
  };
  // A function that is not asynchronous is timed without the cost of a promise.
  const benchSync = (group: string, fn: () => void) => {
    Deno.bench({ name, group, baseline: name === "Quire", fn });
  };
  if (store.get(key()) instanceof Promise) bench("random get, owned", () => store.get(key()));
  else benchSync("random get, owned", () => void store.get(key()));
  const view = store.getView?.bind(store);
  if (view !== undefined) benchSync("random get, view", () => void view(key()));
  bench("range of 10", () => store.scan(key(), 10));
  bench("1,000 random updates, one durable transaction", () =>
    store.write(BATCH, (changes) => {
      changes.put(key(), values.at(at));
    }));
  bench("one durable commit", () => store.commit(key(), values.at(at)));
  bench(`scan of ${KV_ENTRIES} entries, owned`, () => store.scan(new Uint8Array(0), KV_ENTRIES));
}
