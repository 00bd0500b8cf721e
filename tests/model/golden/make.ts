/**
 * Writes the golden file of the current format, which must not exist yet: `deno task golden`.
 */

import { format, MemoryFile } from "../../../pager/mod.ts";
import { openBoth } from "../../support/databases/database.ts";
import { makeGolden } from "./content.ts";

const path = new URL(`format-${format.FORMAT_VERSION}.quire`, import.meta.url);
const file = new MemoryFile();
const opened = openBoth(file);
makeGolden(opened);
opened.db.close();
Deno.writeFileSync(path, file.content(), { createNew: true });
console.log(`${path.pathname}: ${file.size()} bytes`);
