/**
 * The explorer: a local web page that shows a file, its pages, and a database at work.
 *
 * @module
 */

export { ExplorerServer, type ServeOptions } from "./server.ts";
export type { Source } from "./source.ts";
