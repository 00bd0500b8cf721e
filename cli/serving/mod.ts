/**
 * An HTTP server on loopback that is safe to run inside another program.
 *
 * @module
 */

export { type Handler, HttpServer, type HttpServerOptions } from "./http_server.ts";
export type { ConnectionLimits } from "./connection.ts";
export type { ListenerLimits } from "./listener.ts";
