// Every method of the public classes is named on the page that says what it costs.

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Database, open } from "../../mod.ts";

const PAGE = new URL("../../docs/operations.md", import.meta.url);

/** The names of the methods and accessors of an object's classes. */
function namesOf(object: object): Set<string> {
  const names = new Set<string>();
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
    at = Object.getPrototypeOf(at);
  }
  names.delete("constructor");
  return names;
}

/** An object of each public class that works on a database, by the name of the class. */
function objectsOf(db: Database): Record<string, object> {
  const snapshot = db.snapshot();
  const tree = db.tree("t");
  return db.writeSync((tx) => ({
    Database: db,
    Tree: tree,
    Snapshot: snapshot,
    ReadTree: snapshot.tree(tree),
    Transaction: tx,
    TransactionTree: tx.tree(tree),
    Inspector: db.inspect(),
  }));
}

describe("docs/operations.md", () => {
  const page = Deno.readTextFileSync(PAGE);
  using db = open(":memory:");
  for (const [name, object] of Object.entries(objectsOf(db))) {
    it(`names each method of ${name}`, () => {
      assertEquals([...namesOf(object)].filter((method) => !page.includes(`\`${method}\``)), []);
    });
  }
});
