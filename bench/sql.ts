/**
 * Compares SQL on Quire with node:sqlite: a million rows in files, the same statements, prepared in
 * both, in alternation. Reports medians of the rounds, and the ratio of processor times, which
 * other work on the machine changes little.
 *
 * `deno task bench:sql [--quick] [ROWS]`
 */

import { cpuUsage } from "node:process";
import { DatabaseSync } from "node:sqlite";
import { open } from "../mod.ts";
import { sql } from "../sql/mod.ts";
import { figureOf, short, tableOf, timeMs } from "./measure/figures.ts";
import { loadOf } from "./measure/machine.ts";
import { inTempFolder } from "./measure/temp_folder.ts";

const EXIT_MISUSE = 2;
const CACHE_BYTES = 512 * 1024 * 1024;
/** Rows of one transaction of inserts. */
const BATCH = 10_000;

/** The size of a run. */
interface Size {
  readonly rows: number;
  readonly rounds: number;
}

const FULL: Size = { rows: 1_000_000, rounds: 5 };
const QUICK: Size = { rows: 50_000, rounds: 2 };
const ROWS_LEAST = 10_000;

/** A database under test. */
interface Side {
  exec(text: string): void;
  /** Prepares a statement; the result runs it, and returns its rows. */
  prepare(text: string): (...inputs: (number | string)[]) => unknown[];
  /** Prepares a statement; the result runs it, and returns its first row. */
  first(text: string): (...inputs: (number | string)[]) => unknown;
  /** Prepares a change. */
  change(text: string): (...inputs: (number | string)[]) => unknown;
  transaction(body: () => void): void;
  close(): void;
}

/** What is measured: the number of operations that one call makes. */
interface Work {
  readonly name: string;
  readonly target: string;
  readonly count: number;
  run(side: Side): () => void;
}

const SCHEMA = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, kind INT, name TEXT, price REAL);
  CREATE INDEX by_kind ON item (kind);
  CREATE TABLE kind (id INTEGER PRIMARY KEY, label TEXT);
`;

const INSERTS = { name: "insert, 10,000 a transaction", target: "1" };
const KINDS = 1000;

if (import.meta.main) Deno.exitCode = await main(Deno.args);

/** Runs the bench, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  const numbers = args.filter((arg) => arg !== "--quick");
  const rows = numbers.length === 0 ? undefined : Number(numbers[0]);
  if (numbers.length > 1 || (rows !== undefined && !(rows >= ROWS_LEAST))) {
    console.error(`Usage: deno task bench:sql [--quick] [ROWS, at least ${ROWS_LEAST}]`);
    return EXIT_MISUSE;
  }
  const size = numbers.length < args.length ? QUICK : FULL;
  await inTempFolder((folder) => runAll(folder, { ...size, rows: rows ?? size.rows }));
  return 0;
}

async function runAll(folder: string, { rows, rounds }: Size): Promise<void> {
  const sides = { quire: quireSide(`${folder}/a.quire`), sqlite: sqliteSide(`${folder}/a.sqlite`) };
  const samples: Samples = new Map();
  const add = (name: string, side: SideName, { ms, cpuMs }: Taken, count: number) => {
    const known = samples.get(name) ?? { quire: newTimes(), sqlite: newTimes() };
    samples.set(name, known);
    known[side].us.push(ms * 1000 / count);
    known[side].cpuUs.push(cpuMs * 1000 / count);
  };
  const works = worksOf(rows);
  for (const [name, side] of Object.entries(sides)) {
    side.exec(SCHEMA);
    await fill(side, rows, (taken, count) => add(INSERTS.name, name as SideName, taken, count));
  }
  const ready = works.map((work) => ({
    work,
    quire: work.run(sides.quire),
    sqlite: work.run(sides.sqlite),
  }));
  for (let round = 0; round <= rounds; round++) {
    for (const { work, ...both } of ready) {
      for (const name of round % 2 ? ["quire", "sqlite"] as const : ["sqlite", "quire"] as const) {
        const taken = await taking(both[name]);
        // The first round warms both up.
        if (round > 0) add(work.name, name, taken, work.count);
      }
    }
  }
  report(samples, [INSERTS, ...works], rows);
  for (const side of Object.values(sides)) side.close();
}

/** The time that some work took: by the clock, and of the processor. */
interface Taken {
  readonly ms: number;
  readonly cpuMs: number;
}

async function taking(work: () => unknown): Promise<Taken> {
  const before = cpuUsage();
  const ms = await timeMs(work);
  const { user, system } = cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000 };
}

type SideName = "quire" | "sqlite";

/** Microseconds of one operation, of each round. */
interface Times {
  readonly us: number[];
  readonly cpuUs: number[];
}

type Samples = Map<string, Record<SideName, Times>>;

function newTimes(): Times {
  return { us: [], cpuUs: [] };
}

function report(
  samples: Samples,
  works: readonly Pick<Work, "name" | "target">[],
  rows: number,
): void {
  const lines = works.map(({ name, target }) => {
    const { quire, sqlite } = samples.get(name)!;
    const ratio = (own: readonly number[], other: readonly number[]) =>
      (figureOf(own).median / figureOf(other).median).toFixed(2);
    const medians = [quire, sqlite].map(({ us }) => short(figureOf(us).median));
    return [name, ...medians, ratio(quire.us, sqlite.us), ratio(quire.cpuUs, sqlite.cpuUs), target];
  });
  console.log(`${rows} rows; microseconds of one operation, medians; ${loadOf()}`);
  console.log(
    tableOf(["operation", "Quire", "node:sqlite", "ratio", "processor", "target"], lines),
  );
}

/** Fills the tables; `note` receives the time of each transaction. */
async function fill(
  side: Side,
  rows: number,
  note: (taken: Taken, count: number) => void,
): Promise<void> {
  const insert = side.change("INSERT INTO item VALUES (?, ?, ?, ?)");
  const kind = side.change("INSERT INTO kind VALUES (?, ?)");
  side.transaction(() => {
    for (let i = 0; i < KINDS; i++) kind(i, `kind ${i}`);
  });
  for (let from = 0; from < rows; from += BATCH) {
    const end = Math.min(rows, from + BATCH);
    const taken = await taking(() =>
      side.transaction(() => {
        for (let i = from; i < end; i++) {
          insert(i, i * 7919 % KINDS, `the name of item ${i}`, i * 0.25 + 0.1);
        }
      })
    );
    note(taken, end - from);
  }
}

/** Calls a body with numbers that are spread over a range. */
function spread(count: number, below: number, body: (value: number) => void): void {
  for (let i = 0; i < count; i++) body(i * 48_271 % below);
}

function worksOf(rows: number): Work[] {
  const some = Math.min(20_000, rows);
  const part = Math.floor(rows / 20);
  return [
    {
      name: "point query by key",
      target: "1",
      count: some,
      run: (side) => {
        const get = side.first("SELECT name, price FROM item WHERE id = ?");
        return () => spread(some, rows, get);
      },
    },
    {
      name: "row of a query by index",
      target: "1",
      count: Math.floor(20 * rows / KINDS),
      run: (side) => {
        const all = side.prepare("SELECT id, name FROM item WHERE kind = ?");
        return () => spread(20, KINDS, all);
      },
    },
    {
      name: "row of a range, aggregated",
      target: "3",
      count: part,
      run: (side) => {
        const all = side.prepare("SELECT sum(price), max(kind) FROM item WHERE id BETWEEN ? AND ?");
        return () => void all(rows / 2, rows / 2 + part - 1);
      },
    },
    {
      name: "row of a range of 1,000 rows",
      target: "1",
      count: 10_000,
      run: (side) => {
        const all = side.prepare("SELECT id, name, price FROM item WHERE id BETWEEN ? AND ?");
        return () => spread(10, rows - 1000, (first) => all(first, first + 999));
      },
    },
    ...queriesOf(rows),
    {
      name: "update by key, 1,000 a transaction",
      target: "1",
      count: 1000,
      run: (side) => {
        const update = side.change("UPDATE item SET price = price + 1 WHERE id = ?");
        return () => side.transaction(() => spread(1000, rows, update));
      },
    },
  ];
}

/** Queries without parameters. */
function queriesOf(rows: number): Work[] {
  const query = (name: string, target: string, count: number, text: string): Work => ({
    name,
    target,
    count,
    run: (side) => {
      const statement = side.prepare(text);
      return () => void statement();
    },
  });
  return [
    query(
      "row of a join, grouped",
      "3",
      rows,
      "SELECT label, count(*), sum(price) FROM item i JOIN kind k ON k.id = i.kind GROUP BY label",
    ),
    query(
      "row of GROUP BY",
      "3",
      rows,
      "SELECT kind % 10, avg(price) FROM item GROUP BY kind % 10",
    ),
    query("row of a scan with LIKE", "3", rows, "SELECT count(*) FROM item WHERE name LIKE '%99%'"),
    query(
      "row sorted, 10 kept",
      "3",
      rows,
      "SELECT id, name FROM item ORDER BY price * -1 LIMIT 10",
    ),
  ];
}

function quireSide(path: string): Side {
  const db = open(path, { cacheBytes: CACHE_BYTES });
  const query = sql(db);
  return {
    exec: (text) => query.exec(text),
    prepare(text) {
      const statement = query.prepare(text);
      return (...inputs) => statement.all(...inputs);
    },
    first(text) {
      const statement = query.prepare(text);
      return (...inputs) => statement.get(...inputs);
    },
    change(text) {
      const statement = query.prepare(text);
      return (...inputs) => statement.run(...inputs);
    },
    transaction: (body) => query.transaction(body),
    close: () => db.close(),
  };
}

function sqliteSide(path: string): Side {
  const db = new DatabaseSync(path);
  db.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${
      CACHE_BYTES / 1024
    }`,
  );
  return {
    exec: (text) => db.exec(text),
    prepare(text) {
      const statement = db.prepare(text);
      return (...inputs) => statement.all(...inputs);
    },
    first(text) {
      const statement = db.prepare(text);
      return (...inputs) => statement.get(...inputs);
    },
    change(text) {
      const statement = db.prepare(text);
      return (...inputs) => statement.run(...inputs);
    },
    transaction(body) {
      db.exec("BEGIN");
      body();
      db.exec("COMMIT");
    },
    close: () => db.close(),
  };
}
